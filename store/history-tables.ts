/** What stands of complete jobs: tables `done`, `keys`, `unindexed` and `completions` as layout.ts lists them. */
import { decodeRecord, encodeRecord, type JobRecord } from '../core/job-record.ts';
import { type KeyValueReader, keyToU32, u32Key, type Write } from './key-value.ts';

export function doneWrite(number: number, record: JobRecord): Write {
  return { table: 'done', key: u32Key(number), value: encodeRecord(record) };
}

export function dropDoneWrite(number: number): Write {
  return { table: 'done', key: u32Key(number), value: null };
}

/** Whether any of these consecutive jobs is complete. */
export function hasDone(store: KeyValueReader, first: number, count: number): boolean {
  for (const _ of store.range('done', { from: u32Key(first), to: u32Key(first + count), limit: 1 }))
    return true;
  return false;
}

export function completeKeyWrite(key: Uint8Array, number: number): Write {
  return { table: 'keys', key, value: u32Key(number) };
}

/** Job numbers that completed in one commit; `null`: their keys are in `keys` now. */
export function unindexedWrite(batch: number, numbers: readonly number[] | null): Write {
  if (numbers === null) return { table: 'unindexed', key: u32Key(batch), value: null };
  return { table: 'unindexed', key: u32Key(batch), value: new Uint8Array(Uint32Array.from(numbers).buffer) };
}

/** Job numbers that completed in one commit, by its time. */
export function completionsWrite(atMs: number, batch: number, numbers: readonly number[]): Write {
  const value = new Uint8Array(Uint32Array.from(numbers).buffer);
  return { table: 'completions', key: completionsKey(atMs, batch), value };
}

/** As they stand, for `recordTimes`. */
export function readDoneBytes(store: KeyValueReader, number: number): Uint8Array | undefined {
  return store.get('done', u32Key(number));
}

export function readDone(store: KeyValueReader, number: number): JobRecord | undefined {
  const bytes = readDoneBytes(store, number);
  return bytes === undefined ? undefined : decodeRecord(bytes);
}

/** The job number of an archived complete job, or `undefined`. */
export function readCompleteKey(store: KeyValueReader, key: Uint8Array): number | undefined {
  const bytes = store.get('keys', key);
  return bytes === undefined ? undefined : keyToU32(bytes);
}

/** Numbers of jobs that were written as complete from `sinceMs` on, a commit at a time. */
export function* readCompletions(store: KeyValueReader, sinceMs: number): Iterable<Uint32Array> {
  for (const { value } of store.range('completions', { from: completionsKey(sinceMs, 0) })) {
    const aligned = value.slice();
    yield new Uint32Array(aligned.buffer, 0, aligned.byteLength >>> 2);
  }
}

export function* readUnindexed(
  store: KeyValueReader,
): Iterable<{ readonly batch: number; readonly numbers: readonly number[] }> {
  for (const { key, value } of store.range('unindexed')) {
    const aligned = value.slice();
    yield {
      batch: keyToU32(key),
      numbers: Array.from(new Uint32Array(aligned.buffer, 0, aligned.byteLength >>> 2)),
    };
  }
}

/** The batch tells commits of one millisecond apart. */
function completionsKey(atMs: number, batch: number): Uint8Array {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint16(0, Math.floor(atMs / 2 ** 32));
  view.setUint32(2, atMs % 2 ** 32);
  view.setUint16(6, batch & 0xffff);
  return key;
}
