/**
 * Which job number a key belongs to: an open-addressing table in typed arrays over the key columns of the job table.
 *
 * A slot is a job number and one word of the key; the key itself stays in the job table, and the word spares nearly every
 * visit there, each of which would miss the cache (measured: 250 → 150 ns a claim at 1 M). The table is cut into shards
 * that grow one by one, each at its own fill (0.50 … 0.75): growing the whole of it at once would hold the event loop for a
 * second at 10 M jobs, and shards that all grew at the same fill would do nearly the same.
 */
import { type JobTable, rowOf } from './job-table.ts';

const SHARD_BITS = 8;
const SHARDS = 1 << SHARD_BITS;
const SHARD_SLOTS_MIN = 16;
/** However many keys are expected: a shard's memory comes in steps, or the first keys would pay for all of it at once. */
const GROWTH_MAX = 8;

interface Shard {
  /**
   * Pairs, side by side so that a slot is one visit to memory: the job number, 0 where the slot is empty, and the key's
   * second word, whose low bits are the slot it would like to have.
   */
  slots: Uint32Array;
  count: number;
  growAt: number;
}

export class KeyIndex {
  readonly #table: JobTable;
  readonly #shards: Shard[];
  readonly #fills: readonly number[];
  /** Keys that are to come, so that a shard grows once for all of them. */
  #expected = 0;

  constructor(table: JobTable) {
    this.#table = table;
    this.#fills = Array.from({ length: SHARDS }, (_, i) => 0.5 + (0.25 * i) / SHARDS);
    this.#shards = this.#fills.map((fill) => makeShard(SHARD_SLOTS_MIN, fill));
  }

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  /** So many keys are about to be claimed. */
  expect(count: number): void {
    this.#expected = this.size + count;
  }

  /**
   * Brings the places of keys into the cache that are about to be claimed. These reads need not wait for one another, as
   * those of the claims do: what a claim costs is the way to memory.
   * @param words - four words a key
   * @returns nothing of use; it only keeps the reads from being left out
   */
  approach(words: Uint32Array, from: number, to: number): number {
    let seen = 0;
    for (let i = from; i < to; i += 1) {
      const { slots } = this.#shards[(words[4 * i] as number) & (SHARDS - 1)] as Shard;
      seen ^= slots[(2 * (words[4 * i + 1] as number)) & (slots.length - 1)] as number;
    }
    return seen;
  }

  /** @returns the job number of a key given as four words, or 0 */
  find(k0: number, k1: number, k2: number, k3: number): number {
    const shard = this.#shards[k0 & (SHARDS - 1)] as Shard;
    const { slots } = shard;
    const mask = slots.length - 1;
    for (let at = (2 * k1) & mask; ; at = (at + 2) & mask) {
      const number = slots[at] as number;
      if (number === 0) return 0;
      if (slots[at + 1] === k1 && this.#holds(number, k0, k1, k2, k3)) return number;
    }
  }

  /**
   * Claims a key for a number, unless another number has it.
   * The number's key must stand in the job table already, or be written there before the next call.
   * @returns 0 when the key is claimed, else the number that has it
   */
  claim(number: number, k0: number, k1: number, k2: number, k3: number): number {
    const shard = this.#shards[k0 & (SHARDS - 1)] as Shard;
    if (shard.count >= shard.growAt) this.#grow(shard, k0 & (SHARDS - 1));
    const { slots } = shard;
    const mask = slots.length - 1;
    let at = (2 * k1) & mask;
    for (;;) {
      const other = slots[at] as number;
      if (other === 0) break;
      if (slots[at + 1] === k1 && this.#holds(other, k0, k1, k2, k3)) return other;
      at = (at + 2) & mask;
    }
    slots[at] = number;
    slots[at + 1] = k1;
    shard.count += 1;
    return 0;
  }

  /** Forgets the key of a number whose row still holds it. No-op when the key belongs to another number. */
  remove(number: number): void {
    const chunk = this.#table.chunkOf(number);
    if (chunk === undefined) return;
    const key = rowOf(number) * 4;
    const shard = this.#shards[(chunk.key[key] as number) & (SHARDS - 1)] as Shard;
    const { slots } = shard;
    const mask = slots.length - 1;
    let at = (2 * (chunk.key[key + 1] as number)) & mask;
    while (slots[at] !== number) {
      if (slots[at] === 0) return;
      at = (at + 2) & mask;
    }
    closeGap(slots, at, mask);
    shard.count -= 1;
  }

  #grow(shard: Shard, index: number): void {
    const old = shard.slots;
    const fill = this.#fills[index] as number;
    let count = old.length; // Half of which are slots: doubled.
    while (count * fill < this.#expected / SHARDS && count < (old.length / 2) * GROWTH_MAX) count *= 2;
    const grown = makeShard(count, fill);
    const mask = grown.slots.length - 1;
    for (let from = 0; from < old.length; from += 2) {
      const number = old[from] as number;
      if (number === 0) continue;
      const word = old[from + 1] as number;
      let at = (2 * word) & mask;
      while (grown.slots[at] !== 0) at = (at + 2) & mask;
      grown.slots[at] = number;
      grown.slots[at + 1] = word;
    }
    shard.slots = grown.slots;
    shard.growAt = grown.growAt;
  }

  #holds(number: number, k0: number, k1: number, k2: number, k3: number): boolean {
    const chunk = this.#table.chunkOf(number);
    if (chunk === undefined) return false;
    const at = rowOf(number) * 4;
    return (
      chunk.key[at] === k0 && chunk.key[at + 1] === k1 && chunk.key[at + 2] === k2 && chunk.key[at + 3] === k3
    );
  }
}

function makeShard(slots: number, fill: number): Shard {
  return { slots: new Uint32Array(2 * slots), count: 0, growAt: Math.floor(slots * fill) };
}

/** Moves later entries of the run back over a freed slot, so that no tombstones pile up. */
function closeGap(slots: Uint32Array, freed: number, mask: number): void {
  let gap = freed;
  for (let at = (gap + 2) & mask; ; at = (at + 2) & mask) {
    const number = slots[at] as number;
    if (number === 0) break;
    const word = slots[at + 1] as number;
    const home = (2 * word) & mask;
    // An entry may fill the gap when its home does not lie between the gap and itself.
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    slots[gap] = number;
    slots[gap + 1] = word;
    gap = at;
  }
  slots[gap] = 0;
  slots[gap + 1] = 0;
}
