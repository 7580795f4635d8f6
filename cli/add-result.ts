/** What `wr add` says when all is added (spec: cli.md §2.5, since-0.36.md §1.3). */

import type { AddedReply } from '../core/client-replies.ts';
import { WrError } from '../core/errors.ts';
import { KEY_BYTES, keyToHex } from '../core/identity.ts';
import type { Context } from './command.ts';
import { duplicateCauses } from './duplicate-causes.ts';
import type { Log } from './log.ts';

/** Parts of keys, in input order. */
export type Keys = Uint8Array[];

const IDS_PER_WRITE = 10_000;

/**
 * @param dry - it was only tried
 * @returns the exit code
 */
export function addResult(
  reply: AddedReply,
  repGroup: string,
  inputName: string,
  log: Log,
  dry = false,
): number {
  const { added, queued, complete } = reply;
  const duplicates = queued + complete;
  if (added + duplicates === 0) {
    throw new WrError('BAD_INPUT', `${inputName} holds no command, so nothing was added`, {
      hint: 'every line that is not blank is a command',
    });
  }
  const suffix = reply.usedDefaultRepGroup ? ` using default identifier '${repGroup}'` : '';
  log.info(
    dry
      ? `Would add ${added} new commands (${duplicates} would be duplicates) to the queue${suffix}; nothing was added`
      : `Added ${added} new commands (${duplicates} were duplicates) to the queue${suffix}`,
  );
  for (const text of duplicateCauses(reply)) log.info(text);
  return 0;
}

/** `--simple`: an id a line; without any the exit code alone tells. */
export async function printKeys(parts: Keys, context: Pick<Context, 'out'>): Promise<number> {
  let printed = 0;
  for (const part of parts) {
    for (let from = 0; from < part.byteLength; from += IDS_PER_WRITE * KEY_BYTES) {
      const to = Math.min(part.byteLength, from + IDS_PER_WRITE * KEY_BYTES);
      let text = '';
      for (let at = from; at < to; at += KEY_BYTES) text += `${keyToHex(part, at)}\n`;
      await context.out(text);
      printed += (to - from) / KEY_BYTES;
    }
  }
  return printed === 0 ? 1 : 0;
}
