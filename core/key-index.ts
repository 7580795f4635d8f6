/**
 * Which job number a key belongs to: an open-addressing table in typed arrays over the key columns of the job table.
 *
 * A slot is a job number and one byte of the key's hash; the key itself stays in the job table, and the byte spares
 * nearly every visit there. The table is cut into shards that grow one by one, each at its own fill (0.50 … 0.75):
 * growing the whole of it at once would hold the event loop for a second at 10 M jobs, and shards that all grew at the
 * same fill would do nearly the same.
 */
import { type JobTable, rowOf } from './job-table.ts';

const SHARD_BITS = 8;
const SHARDS = 1 << SHARD_BITS;
const SHARD_SLOTS_MIN = 16;

interface Shard {
  /** Job numbers; 0: empty. */
  numbers: Uint32Array;
  tags: Uint8Array;
  count: number;
  growAt: number;
}

export class KeyIndex {
  readonly #table: JobTable;
  readonly #shards: Shard[];
  readonly #fills: readonly number[];

  constructor(table: JobTable) {
    this.#table = table;
    this.#fills = Array.from({ length: SHARDS }, (_, i) => 0.5 + (0.25 * i) / SHARDS);
    this.#shards = this.#fills.map((fill) => makeShard(SHARD_SLOTS_MIN, fill));
  }

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  /** @returns the job number of a key given as four words, or 0 */
  find(k0: number, k1: number, k2: number, k3: number): number {
    const shard = this.#shards[k0 & (SHARDS - 1)] as Shard;
    const mask = shard.numbers.length - 1;
    const tag = k0 >>> 24;
    for (let slot = k1 & mask; ; slot = (slot + 1) & mask) {
      const number = shard.numbers[slot] as number;
      if (number === 0) return 0;
      if (shard.tags[slot] === tag && this.#holds(number, k0, k1, k2, k3)) return number;
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
    const mask = shard.numbers.length - 1;
    const tag = k0 >>> 24;
    let slot = k1 & mask;
    for (;;) {
      const other = shard.numbers[slot] as number;
      if (other === 0) break;
      if (shard.tags[slot] === tag && this.#holds(other, k0, k1, k2, k3)) return other;
      slot = (slot + 1) & mask;
    }
    shard.numbers[slot] = number;
    shard.tags[slot] = tag;
    shard.count += 1;
    return 0;
  }

  /** Forgets the key of a number whose row still holds it. No-op when the key belongs to another number. */
  remove(number: number): void {
    const chunk = this.#table.chunkOf(number);
    if (chunk === undefined) return;
    const at = rowOf(number) * 4;
    const shard = this.#shards[(chunk.key[at] as number) & (SHARDS - 1)] as Shard;
    const mask = shard.numbers.length - 1;
    let slot = (chunk.key[at + 1] as number) & mask;
    while (shard.numbers[slot] !== number) {
      if (shard.numbers[slot] === 0) return;
      slot = (slot + 1) & mask;
    }
    this.#closeGap(shard, slot, mask);
    shard.count -= 1;
  }

  /** Moves later entries of the run back over a freed slot, so that no tombstones pile up. */
  #closeGap(shard: Shard, freed: number, mask: number): void {
    let gap = freed;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const number = shard.numbers[slot] as number;
      if (number === 0) break;
      const home = this.#word1(number) & mask;
      // An entry may fill the gap when its home does not lie between the gap and itself.
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      shard.numbers[gap] = number;
      shard.tags[gap] = shard.tags[slot] as number;
      gap = slot;
    }
    shard.numbers[gap] = 0;
    shard.tags[gap] = 0;
  }

  #grow(shard: Shard, index: number): void {
    const old = shard.numbers;
    const oldTags = shard.tags;
    const grown = makeShard(old.length * 2, this.#fills[index] as number);
    const mask = grown.numbers.length - 1;
    for (let i = 0; i < old.length; i += 1) {
      const number = old[i] as number;
      if (number === 0) continue;
      let slot = this.#word1(number) & mask;
      while (grown.numbers[slot] !== 0) slot = (slot + 1) & mask;
      grown.numbers[slot] = number;
      grown.tags[slot] = oldTags[i] as number;
    }
    shard.numbers = grown.numbers;
    shard.tags = grown.tags;
    shard.growAt = grown.growAt;
  }

  #word1(number: number): number {
    const chunk = this.#table.chunkOf(number);
    return chunk === undefined ? 0 : (chunk.key[rowOf(number) * 4 + 1] as number);
  }

  #holds(number: number, k0: number, k1: number, k2: number, k3: number): boolean {
    const chunk = this.#table.chunkOf(number);
    if (chunk === undefined) return false;
    const at = rowOf(number) * 4;
    return chunk.key[at] === k0 && chunk.key[at + 1] === k1 && chunk.key[at + 2] === k2 && chunk.key[at + 3] === k3;
  }
}

function makeShard(slots: number, fill: number): Shard {
  return {
    numbers: new Uint32Array(slots),
    tags: new Uint8Array(slots),
    count: 0,
    growAt: Math.floor(slots * fill),
  };
}
