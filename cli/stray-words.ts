/** Words of a command line that mean nothing where they stand: they are ignored (spec: cli.md §1.2), but not in silence. */
import type { Log } from './log.ts';

const HOW_TO_NAME = 'name commands with -i, -l or -f';

/** @param instead - what to do who meant something by them */
export function warnOfWords(words: readonly string[], log: Log, instead = HOW_TO_NAME): void {
  if (words.length > 0) log.warn(`"${words.join(' ')}" is ignored: ${instead}`);
}
