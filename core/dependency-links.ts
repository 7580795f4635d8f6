/**
 * What the jobs of one segment wait for and belong to, as columns of words: how ingest tells the manager, and how it is
 * stored beside the segment, so that neither an add nor a start reads a name.
 *
 * Links are *runs* of consecutive jobs that share one, three words each: position of the first job, how many, and which
 * group (its index in `groups`) or, for single jobs, which parent.
 */
import { hash } from 'node:crypto';
import { WrError } from './errors.ts';

export interface LinkColumns {
  /** Hashes of the dependency groups named, four words each. */
  readonly groups: Uint32Array;
  readonly members: Uint32Array;
  readonly waits: Uint32Array;
  /** The third word is the parent's job number. */
  readonly singles: Uint32Array;
}

/** As ingest gives them, each column in a buffer of its own: parents of `singles` are indexes in `keys`. */
export interface NamedLinks extends LinkColumns {
  /** Keys of the single jobs named, four words each. */
  readonly keys: Uint32Array;
  /** By key: the place of the job that has it, and one, where it stands among these jobs and that was seen; 0: it is to be looked up. */
  readonly near: Uint32Array;
  /** Names of the groups that jobs wait for, by index in `groups`, '' for the others: UTF-8, NUL-separated. */
  readonly names: Uint8Array;
}

/** Words of a run. */
export const RUN = 3;
const VERSION = 1;
const HEADER_WORDS = 5;

/** The hash of a dependency group's name: 16 characters, each a byte. */
export function groupHash(name: string): string {
  return hash('md5', name, 'binary');
}

export function groupHashBytes(name: string): Uint8Array {
  return hash('md5', name, 'buffer');
}

/** Little-endian words; what `decodeLinks` reads. */
export function encodeLinks({ groups, members, waits, singles }: LinkColumns): Uint8Array {
  const columns = [groups, members, waits, singles];
  const words = new Uint32Array(HEADER_WORDS + columns.reduce((sum, column) => sum + column.length, 0));
  words[0] = VERSION;
  let at = HEADER_WORDS;
  columns.forEach((column, i) => {
    words[1 + i] = column.length;
    words.set(column, at);
    at += column.length;
  });
  return new Uint8Array(words.buffer);
}

/** @throws {WrError} STORE_UNREADABLE, STORE_NEWER */
export function decodeLinks(bytes: Uint8Array): LinkColumns {
  if (bytes.byteLength % 4 !== 0 || bytes.byteLength < 4 * HEADER_WORDS)
    throw damaged('their size is no whole number of words');
  const words = new Uint32Array(new Uint8Array(bytes).buffer);
  if (words[0] !== VERSION) throw new WrError('STORE_NEWER', `stored dependencies are of format ${words[0]}`);
  let at = HEADER_WORDS;
  const [groups, members, waits, singles] = Array.from(words.subarray(1, HEADER_WORDS), (length) => {
    const column = words.subarray(at, at + length);
    at += length;
    return column;
  }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  if (at !== words.length) throw damaged('their size is not what their header says');
  return { groups, members, waits, singles };
}

function damaged(why: string): WrError {
  return new WrError('STORE_UNREADABLE', `stored dependencies are damaged: ${why}`);
}

/**
 * Runs over the jobs that are kept of some, by their positions among the kept ones.
 * @param before - by position, and one past the last: how many jobs before it are kept; `null`: all are
 * @param count - positions from here on are cut off
 */
export function keptRuns(runs: Uint32Array, before: Uint32Array | null, count: number): Uint32Array {
  if (before === null && endOf(runs) <= count) return runs;
  const kept = new Uint32Array(runs.length);
  let to = 0;
  for (let at = 0; at < runs.length; at += RUN) {
    const first = Math.min(runs[at] as number, count);
    const end = Math.min((runs[at] as number) + (runs[at + 1] as number), count);
    const from = before === null ? first : (before[first] as number);
    const length = (before === null ? end : (before[end] as number)) - from;
    if (length === 0) continue;
    kept[to] = from;
    kept[to + 1] = length;
    kept[to + 2] = runs[at + 2] as number;
    to += RUN;
  }
  return kept.subarray(0, to);
}

/** One past the last position that is in a run. */
function endOf(runs: Uint32Array): number {
  let end = 0;
  for (let at = 0; at < runs.length; at += RUN)
    end = Math.max(end, (runs[at] as number) + (runs[at + 1] as number));
  return end;
}

/** For `keptRuns`: how many are kept before each position. */
export function countBefore(keep: Uint8Array): Uint32Array {
  const before = new Uint32Array(keep.length + 1);
  for (let at = 0; at < keep.length; at += 1) before[at + 1] = (before[at] as number) + (keep[at] as number);
  return before;
}
