/** `wr add --sync`: one command, waited for (spec: cli.md §2.5, since-0.36.md §1.3). */
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import { KEY_BYTES } from '../core/identity.ts';
import { isObject } from '../core/json-values.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import type { Keys } from './add-result.ts';
import { Client } from './client.ts';
import type { Context } from './command.ts';
import type { CommandInput } from './command-input.ts';
import { type RideOutOptions, rideOut } from './ride-out.ts';

const SYNC_HINT = 'give one, or add without --sync and then use wr wait';
const LF = 10;
const CR = 13;
const TAB = 9;
const READ_BYTES = 64 * 1024;

/**
 * Reads the whole input, which must be one command: it has to be known before anything is added.
 * @throws {WrError} BAD_INPUT for none, several, or a line that is too long
 */
export async function onlyCommand(input: CommandInput): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const part = Buffer.allocUnsafe(READ_BYTES);
    const count = await input.fill(part, 0);
    if (count === 0) break;
    parts.push(part.subarray(0, count));
    bytes += count;
    if (bytes > LINE_BYTES_MAX + READ_BYTES) break;
  }
  const whole = Buffer.concat(parts);
  const commands = countCommands(whole);
  if (commands === 1 && bytes <= LINE_BYTES_MAX + READ_BYTES) {
    if (isArray(whole))
      throw new WrError('BAD_INPUT', '--sync needs exactly one command, not an array', { hint: SYNC_HINT });
    return whole;
  }
  const found = bytes > LINE_BYTES_MAX + READ_BYTES ? 'much more than one' : String(commands);
  throw new WrError('BAD_INPUT', `--sync needs exactly one command, but ${input.name} holds ${found}`, {
    hint: SYNC_HINT,
  });
}

/** Whether a line stands for many commands; what is wrong with it the manager says. */
function isArray(line: Uint8Array): boolean {
  const text = Buffer.from(line).toString();
  const json = text.slice(text.indexOf('\t') + 1);
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) && Object.keys(value).some((key) => key.toLowerCase() === 'array');
  } catch {
    return false;
  }
}

/** Lines whose first column is not empty. */
function countCommands(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.byteLength; ) {
    const end = bytes.indexOf(LF, at);
    const stop = end < 0 ? bytes.byteLength : end;
    const empty = stop === at || bytes[at] === TAB || (bytes[at] === CR && stop === at + 1);
    if (!empty) count += 1;
    at = stop + 1;
  }
  return count;
}

/** Waits for the one job, over restarts of the manager, and shows what it printed if it failed. @returns its exit code */
export async function syncExit(
  keys: Keys,
  context: Context,
  config: Config,
  around: RideOutOptions,
): Promise<number> {
  const key = keys.find((part) => part.byteLength > 0)?.subarray(0, KEY_BYTES);
  // It had completed before, and was not to be run again.
  if (key === undefined) return 1;
  const { job } = await rideOut(context, config, around, ({ link }) =>
    new Client(link, around.timeoutMs).settle(key),
  );
  if (job === null) throw new WrError('JOB_NOT_FOUND', 'the command was removed before it had completed');
  if (job.StdOut !== '') await context.out(`${job.StdOut}\n`);
  if (job.StdErr !== '') context.err(`${job.StdErr}\n`);
  // −1 stands for a signal; a shell sees 255.
  if (job.State === 'complete') return job.Exitcode & 0xff;
  return job.Exitcode & 0xff || 1;
}
