/**
 * Whether a file stayed what it was while it was read. One that somebody cuts short, writes anew or goes on writing has a
 * last line that may be a part of one, and half a command can do what nobody ever asked for.
 */
import type { Stats } from 'node:fs';
import { WrError } from '../core/errors.ts';

/** Network file systems correct a file's time a little once it has been closed. */
const TIME_SLACK_MS = 1_000;

type Seen = Pick<Stats, 'size' | 'mtimeMs'>;

/**
 * Called when the end of the file was reached.
 * @param readBytes - from its beginning, where that is known
 * @throws {WrError} BAD_INPUT
 */
export function refuseChanged(name: string, opened: Seen, now: Seen, readBytes = opened.size): void {
  const steady =
    now.size === opened.size &&
    // Files that the system makes up as they are read have no size.
    (readBytes === opened.size || opened.size === 0) &&
    Math.abs(now.mtimeMs - opened.mtimeMs) <= TIME_SLACK_MS;
  if (steady) return;
  const sizes = now.size === opened.size ? '' : `: it had ${opened.size} bytes and now has ${now.size}`;
  throw new WrError('BAD_INPUT', `${name} was changed while it was read${sizes}`, {
    hint: 'nothing was done: half a line may be left of a command; try again when nobody writes to it any more',
  });
}
