/**
 * Deciding which jobs of an add are new: each gets a number and the key, the rest are duplicates.
 *
 * A claim is tentative: its rows have no state until the add is on disk. Whoever meets such a row in the meantime learns
 * that its answer depends on the other add (`pending`); a failed add takes its claims back.
 */
import type { JobQueue } from './job-queue.ts';
import { rowOf } from './job-table.ts';
import { STATE } from './states.ts';

export interface Claim {
  /** First number of the jobs kept; they are consecutive, in input order. */
  readonly first: number;
  readonly count: number;
  /** By input position: 1 for the jobs kept; `null` when all are. */
  readonly keep: Uint8Array | null;
  /** Duplicates of jobs in the queue, of this input included. */
  readonly queued: number;
  /** Duplicates of complete jobs. */
  readonly complete: number;
  /** By input position: the number of the complete job that it is a duplicate of, or 0; `null` when there are none. */
  readonly completeAt: Uint32Array | null;
  /** Numbers of other adds, not on disk yet, that this one takes for duplicates. */
  readonly pending: readonly number[];
  /** Complete jobs in memory that new ones take the place of. */
  readonly replaced: readonly number[];
}

/**
 * Claims the keys of a segment.
 * @param keys - 16 bytes a key
 * @param inHistory - by position: the number of the archived complete job that has the key, or 0; `null`: none is
 * @param isOwn - whether a number without a state belongs to the same add
 */
export function claimKeys(
  queue: JobQueue,
  keys: Uint8Array,
  inHistory: Uint32Array | null,
  rerun: boolean,
  isOwn: (number: number) => boolean,
): Claim {
  const words = asWords(keys);
  const total = words.length >>> 2;
  const { table, keys: index } = queue;
  const first = table.allocate(total);
  let next = first;
  let queued = 0;
  let complete = 0;
  let keep: Uint8Array | null = null;
  let completeAt: Uint32Array | null = null;
  const pending: number[] = [];
  const replaced: number[] = [];
  let chunk = table.chunkFor(next);
  // The hot loop of adding: a few hundred nanoseconds a job at 10 M, so that one slice of it stays below 10 ms.
  for (let i = 0; i < total; i += 1) {
    const k0 = words[4 * i] as number;
    const k1 = words[4 * i + 1] as number;
    const k2 = words[4 * i + 2] as number;
    const k3 = words[4 * i + 3] as number;
    const row = rowOf(next);
    if (row === 0) chunk = table.chunkFor(next);
    let verdict = STATE.none as number;
    let other = inHistory === null || rerun ? 0 : (inHistory[i] as number);
    if (other !== 0) verdict = STATE.complete;
    else {
      const at = row * 4;
      chunk.key[at] = k0;
      chunk.key[at + 1] = k1;
      chunk.key[at + 2] = k2;
      chunk.key[at + 3] = k3;
      other = index.claim(next, k0, k1, k2, k3);
      if (other !== 0) {
        verdict = table.state(other);
        if (verdict === STATE.complete && rerun) {
          index.remove(other);
          index.claim(next, k0, k1, k2, k3);
          replaced.push(other);
          verdict = STATE.none;
        } else if (verdict === STATE.none) {
          if (!isOwn(other)) pending.push(other);
          verdict = STATE.ready;
        }
      }
    }
    if (verdict === STATE.none) {
      if (keep !== null) keep[i] = 1;
      next += 1;
      continue;
    }
    keep ??= new Uint8Array(total).fill(1, 0, i);
    if (verdict === STATE.complete) {
      complete += 1;
      completeAt ??= new Uint32Array(total);
      completeAt[i] = other;
    } else queued += 1;
  }
  table.giveBack(next, first + total);
  return { first, count: next - first, keep, queued, complete, completeAt, pending, replaced };
}

/** Takes back a claim whose add failed: its keys are free again, its numbers stay unused. */
export function unclaim({ keys, table }: JobQueue, claim: Claim): void {
  for (let number = claim.first; number < claim.first + claim.count; number += 1) keys.remove(number);
  for (const number of claim.replaced) {
    const chunk = table.chunkOf(number);
    if (chunk === undefined) continue;
    const at = rowOf(number) * 4;
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = chunk.key.subarray(at, at + 4);
    keys.claim(number, k0, k1, k2, k3);
  }
}

/** The keys as 32-bit words; copied when the bytes do not lie on a word. */
export function asWords(keys: Uint8Array): Uint32Array {
  if (keys.byteOffset % 4 === 0) return new Uint32Array(keys.buffer, keys.byteOffset, keys.byteLength >>> 2);
  // Not slice(): of a Buffer, which frames hold, that is no copy.
  return new Uint32Array(new Uint8Array(keys).buffer);
}
