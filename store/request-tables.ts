/**
 * Answers to adds, so that a request said again gets the first one: tables `requests` and `answered` as layout.ts lists them. By id they are
 * looked up, by time they are forgotten; no one ever has to read all of them.
 */
import { hash } from 'node:crypto';
import { pack, unpack } from 'msgpackr';
import type { KeyValueReader, Write } from './key-value.ts';

const EMPTY = new Uint8Array(0);
/** Unix ms in the keys of `answered`. */
const TIME_BYTES = 6;

/** The remembered answer to an add. */
export interface AddResult {
  readonly added: number;
  readonly queued: number;
  readonly complete: number;
  readonly usedDefaultRepGroup: boolean;
  readonly warnings: readonly string[];
  /** LSF job id of the first new command with a bsub mode; 0: none. */
  readonly bsubId: number;
  /** Unix ms. */
  readonly atMs: number;
}

export function requestWrites(requestId: string, result: AddResult): Write[] {
  const key = idKey(requestId);
  return [
    { table: 'requests', key, value: pack(result) },
    { table: 'answered', key: timeKey(result.atMs, key), value: EMPTY },
  ];
}

export function readRequest(store: KeyValueReader, requestId: string): AddResult | undefined {
  const bytes = store.get('requests', idKey(requestId));
  return bytes === undefined ? undefined : unpack(bytes);
}

/** Forgets the oldest answers, `max` at most, that are older than `beforeMs`. @returns two writes an answer */
export function forgetRequestsWrites(store: KeyValueReader, beforeMs: number, max: number): Write[] {
  const writes: Write[] = [];
  for (const { key } of store.range('answered', { to: timeKey(beforeMs), limit: max })) {
    writes.push({ table: 'answered', key: key.slice(), value: null });
    writes.push({ table: 'requests', key: key.slice(TIME_BYTES), value: null });
  }
  return writes;
}

/** Whoever asks chooses the id: as a key it has 16 bytes, whatever it is. */
function idKey(requestId: string): Uint8Array {
  return hash('md5', requestId, 'buffer');
}

function timeKey(atMs: number, id: Uint8Array = EMPTY): Uint8Array {
  const key = new Uint8Array(TIME_BYTES + id.byteLength);
  const view = new DataView(key.buffer);
  view.setUint16(0, Math.floor(atMs / 2 ** 32));
  view.setUint32(2, atMs % 2 ** 32);
  key.set(id, TIME_BYTES);
  return key;
}
