/** `wr add --array`: one command of the command line for many indexes, as the input line that says the same. */
import { parseArray } from '../core/array-indexes.ts';
import { type CommandInput, inputOf } from './command-input.ts';
import { UsageError } from './flags.ts';

export interface ArrayFlags {
  readonly array?: string;
  readonly file?: string;
  readonly sync?: boolean;
}

/**
 * @returns `null` when no array is asked for
 * @throws {UsageError} flags that contradict it, a command that is missing or in several words
 * @throws {WrError} BAD_OPTION for indexes that are none
 */
export function arrayInput(
  { array, file, sync }: ArrayFlags,
  positionals: readonly string[],
): CommandInput | null {
  if (array === undefined) return null;
  if (file !== undefined)
    throw new UsageError('--array and --file are mutually exclusive: the command of an array is an argument');
  if (sync) throw new UsageError('--sync waits for one command: it does not go with --array');
  const [cmd = ''] = positionals;
  if (positionals.length !== 1 || cmd === '')
    throw new UsageError(
      `--array needs its command as one quoted argument: wr add --array ${array} 'cmd {}'`,
    );
  parseArray(array, '--array');
  return inputOf(Buffer.from(`${JSON.stringify({ cmd, array })}\n`), '--array');
}
