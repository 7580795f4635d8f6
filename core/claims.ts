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
  /** Pairs: a new job, and the complete one that it is a further run of. */
  readonly replaced: readonly number[];
  /** Of an add that runs again what is complete, pairs: an input position, and the job in the queue that it is a duplicate of. */
  readonly askedAgain: readonly number[];
}

/** Keys whose places are brought into the cache together: what comes in stays in until it is used. */
const APPROACH = 64;

/** The claiming of a segment's keys: step by step, so that others can have their turn in between. */
export class KeyClaim {
  readonly #queue: JobQueue;
  readonly #words: Uint32Array;
  readonly #inHistory: Uint32Array | null;
  readonly #rerun: boolean;
  readonly #isOwn: (number: number) => boolean;
  readonly #total: number;
  readonly #first: number;
  #seen = 0;
  /** Input position. */
  #at = 0;
  /** Number of the next job kept. */
  #next: number;
  #queued = 0;
  #complete = 0;
  #keep: Uint8Array | null = null;
  #completeAt: Uint32Array | null = null;
  readonly #pending: number[] = [];
  readonly #replaced: number[] = [];
  readonly #askedAgain: number[] = [];

  /**
   * @param keys - 16 bytes a key
   * @param inHistory - by position: the number of the archived complete job that has the key, or 0; `null`: none is
   * @param isOwn - whether a number without a state, not of this claim, belongs to the same add
   */
  constructor(
    queue: JobQueue,
    keys: Uint8Array,
    inHistory: Uint32Array | null,
    rerun: boolean,
    isOwn: (number: number) => boolean,
  ) {
    this.#queue = queue;
    this.#words = asWords(keys);
    this.#inHistory = inHistory;
    this.#rerun = rerun;
    this.#isOwn = isOwn;
    this.#total = this.#words.length >>> 2;
    this.#first = queue.table.allocate(this.#total);
    this.#next = this.#first;
  }

  /** So far; whole once {@link step} has said so. */
  get claim(): Claim {
    return {
      first: this.#first,
      count: this.#next - this.#first,
      keep: this.#keep,
      queued: this.#queued,
      complete: this.#complete,
      completeAt: this.#completeAt,
      pending: this.#pending,
      replaced: this.#replaced,
      askedAgain: this.#askedAgain,
    };
  }

  /** Claims up to `max` keys more. @returns whether all are done */
  step(max: number): boolean {
    const words = this.#words;
    const { table, keys: index } = this.#queue;
    const end = Math.min(this.#total, this.#at + max);
    let next = this.#next;
    let chunk = table.chunkFor(next);
    // The hot loop of adding: some 300 ns a job at 10 M.
    for (let i = this.#at; i < end; i += 1) {
      if ((i - this.#at) % APPROACH === 0)
        this.#seen ^= index.approach(words, i, Math.min(end, i + APPROACH));
      const k0 = words[4 * i] as number;
      const k1 = words[4 * i + 1] as number;
      const k2 = words[4 * i + 2] as number;
      const k3 = words[4 * i + 3] as number;
      const row = rowOf(next);
      if (row === 0) chunk = table.chunkFor(next);
      let verdict = STATE.none as number;
      const archived = this.#inHistory === null ? 0 : (this.#inHistory[i] as number);
      let other = this.#rerun ? 0 : archived;
      if (other !== 0) other = this.#latest(other, index.find(k0, k1, k2, k3));
      if (other !== 0) verdict = STATE.complete;
      else {
        const at = row * 4;
        chunk.key[at] = k0;
        chunk.key[at + 1] = k1;
        chunk.key[at + 2] = k2;
        chunk.key[at + 3] = k3;
        other = index.claim(next, k0, k1, k2, k3);
        if (other !== 0) {
          verdict = this.#verdict(other);
          if (verdict === STATE.none) {
            index.remove(other);
            index.claim(next, k0, k1, k2, k3);
            this.#replaced.push(next, other);
          }
        } else if (archived !== 0) this.#replaced.push(next, archived);
      }
      if (verdict === STATE.none) {
        if (this.#keep !== null) this.#keep[i] = 1;
        next += 1;
      } else this.#leaveOut(i, verdict, other);
    }
    table.occupy(this.#next, next - this.#next);
    this.#next = next;
    this.#at = end;
    if (end < this.#total) return false;
    table.giveBack(next, this.#first + this.#total);
    return true;
  }

  /** An archived complete job may be in the queue again, or have completed again since and not be archived yet. @returns 0: the queue tells */
  #latest(archived: number, inMemory: number): number {
    if (inMemory === 0) return archived;
    return this.#queue.table.state(inMemory) === STATE.complete ? inMemory : 0;
  }

  /** What a job that has the key already makes of this one; `none`: it is to give way, as it is complete and asked for again. */
  #verdict(other: number): number {
    const state = this.#queue.table.state(other);
    if (state === STATE.complete && this.#rerun) return STATE.none;
    if (state !== STATE.none) return state;
    const isMine = other >= this.#first && other < this.#first + this.#total;
    if (!isMine && !this.#isOwn(other)) this.#pending.push(other);
    return STATE.ready;
  }

  #leaveOut(position: number, verdict: number, other: number): void {
    this.#keep ??= new Uint8Array(this.#total).fill(1, 0, position);
    if (verdict !== STATE.complete) {
      this.#queued += 1;
      if (this.#rerun) this.#askedAgain.push(position, other);
      return;
    }
    this.#complete += 1;
    this.#completeAt ??= new Uint32Array(this.#total);
    this.#completeAt[position] = other;
  }
}

/** Claims all keys of a small segment at once; arguments as for {@link KeyClaim}. */
export function claimKeys(...of: ConstructorParameters<typeof KeyClaim>): Claim {
  const claiming = new KeyClaim(...of);
  claiming.step(Number.POSITIVE_INFINITY);
  return claiming.claim;
}

/** Takes back a claim whose add failed: its keys are free again, its numbers stay unused. */
export function unclaim({ keys, table }: JobQueue, claim: Claim): void {
  for (let number = claim.first; number < claim.first + claim.count; number += 1) keys.remove(number);
  table.vacate(claim.first, claim.count);
  for (let i = 1; i < claim.replaced.length; i += 2) reclaim({ keys, table }, claim.replaced[i] as number);
}

/** Gives a complete job its key back whose further run has gone, if its row is in memory. */
export function reclaim({ keys, table }: Pick<JobQueue, 'keys' | 'table'>, number: number): void {
  const chunk = table.chunkOf(number);
  const row = rowOf(number);
  if (chunk === undefined || chunk.state[row] !== STATE.complete) return;
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = chunk.key.subarray(row * 4, row * 4 + 4);
  keys.claim(number, k0, k1, k2, k3);
}

/** The keys as 32-bit words; copied when the bytes do not lie on a word. */
export function asWords(keys: Uint8Array): Uint32Array {
  if (keys.byteOffset % 4 === 0) return new Uint32Array(keys.buffer, keys.byteOffset, keys.byteLength >>> 2);
  // Not slice(): of a Buffer, which frames hold, that is no copy.
  return new Uint32Array(new Uint8Array(keys).buffer);
}
