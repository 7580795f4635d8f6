/**
 * Which jobs of a segment are found under several report groups: runs of jobs with the set they are counted in. Segments
 * without such jobs, which are nearly all, have no record.
 */
import type { SavedTally } from '../core/rep-groups.ts';
import { type KeyValueReader, u32Key, type Write } from './key-value.ts';
import { readRepGroup } from './layout.ts';

/** Offset of the first job, how many, and the id of their set. */
const RUN_WORDS = 3;

/** @param tallies - by job of the segment: the id of its set, or 0 */
export function talliesWrite(first: number, tallies: Uint32Array): Write {
  const words: number[] = [];
  for (let from = 0; from < tallies.length; ) {
    let to = from + 1;
    while (to < tallies.length && tallies[to] === tallies[from]) to += 1;
    if (tallies[from] !== 0) words.push(from, to - from, tallies[from] as number);
    from = to;
  }
  const value = new Uint8Array(Uint32Array.from(words).buffer);
  return { table: 'tallies', key: u32Key(first), value };
}

/** By job of the segment: the id of its set, or 0; `undefined`: all have none. */
export function readTallies(store: KeyValueReader, first: number, count: number): Uint32Array | undefined {
  const bytes = store.get('tallies', u32Key(first));
  if (bytes === undefined) return undefined;
  const aligned = bytes.slice();
  const words = new Uint32Array(aligned.buffer, 0, aligned.byteLength >>> 2);
  const tallies = new Uint32Array(count);
  for (let at = 0; at < words.length; at += RUN_WORDS) {
    const [from = 0, jobs = 0, tally = 0] = words.subarray(at, at + RUN_WORDS);
    tallies.fill(tally, from, from + jobs);
  }
  return tallies;
}

/** Names of the report groups of a set. */
export function readSetNames(store: KeyValueReader, set: number): readonly string[] {
  const saved: SavedTally | undefined = readRepGroup(store, set);
  return (saved?.groups ?? []).map((group) => readRepGroup(store, group)?.name ?? '');
}
