/**
 * What jobs can wait for, in columns without an object or a name each: dependency groups, found by the MD5 of their name,
 * and single jobs, found by way of their own row.
 *
 * A node is *open* while a member of it is not done, or when it is a group that never had a member: whoever waits for it
 * is held back by the node, however many members it has.
 */
import { PagedColumn } from './paged-column.ts';

const SHARD_BITS = 6;
const SHARDS = 1 << SHARD_BITS;
const SHARD_SLOTS_MIN = 16;
const FILL_MAX = 0.7;
/** However many groups are expected: a shard's memory comes in steps, or the first groups would pay for all of it at once. */
const GROWTH_MAX = 16;

/** Bits of a node's flags. */
export const NODE = {
  /** The group had a member once. */
  seen: 1,
  /** That it was seen is in the index on disk. */
  saved: 2,
  /** That it was seen is about to be written there. */
  saving: 4,
  /** It stands for a single job. */
  single: 8,
} as const;

interface Shard {
  /**
   * Pairs, side by side so that a slot is one visit to memory: the node, 0 where the slot is empty, and its hash's second
   * word, whose low bits are the slot it would like to have.
   */
  slots: Uint32Array;
  count: number;
}

export class DependencyNodes {
  /** Four words of hash a node; unused for single jobs. */
  readonly #hash = new PagedColumn();
  /** Members that are not done. */
  readonly members = new PagedColumn();
  /** Jobs in the queue that wait for it or did. */
  readonly waiters = new PagedColumn();
  /** First and last link of those that wait for it, history included; 0: none. */
  readonly head = new PagedColumn();
  readonly tail = new PagedColumn();
  readonly flags = new PagedColumn();
  readonly #shards: Shard[] = Array.from({ length: SHARDS }, () => ({
    slots: new Uint32Array(2 * SHARD_SLOTS_MIN),
    count: 0,
  }));
  readonly #free: number[] = [];
  #end = 1;
  #size = 0;
  /** Nodes that stand for groups. */
  #groups = 0;
  /** Groups that are to come, with those that are there. */
  #expected = 0;

  /** Nodes in use. */
  get size(): number {
    return this.#size;
  }

  /** One past the highest id in use. */
  get end(): number {
    return this.#end;
  }

  /** The node of a group by its hash, or 0. */
  find(h0: number, h1: number, h2: number, h3: number): number {
    const { slots } = this.#shards[h0 & (SHARDS - 1)] as Shard;
    const mask = slots.length - 1;
    for (let at = (2 * h1) & mask; ; at = (at + 2) & mask) {
      const node = slots[at] as number;
      if (node === 0 || (slots[at + 1] === h1 && this.#has(node, h0, h1, h2, h3))) return node;
    }
  }

  /** So many groups may be about to be added: each shard then grows once for all of them. */
  expect(count: number): void {
    this.#expected = this.#groups + count;
  }

  /** A node for a group that has none, as one never seen. @param hashes - whose words from `from` on are its hash */
  addGroup(hashes: Uint32Array, from: number): number {
    const node = this.#take(0);
    this.#hash.setFour(node * 4, hashes, from);
    const h0 = hashes[from] as number;
    const h1 = hashes[from + 1] as number;
    const shard = this.#shards[h0 & (SHARDS - 1)] as Shard;
    if (shard.count >= (shard.slots.length / 2) * FILL_MAX) this.#grow(shard);
    insert(shard.slots, node, h1);
    shard.count += 1;
    this.#groups += 1;
    return node;
  }

  /** A node for a single job that is not done. */
  addSingle(): number {
    const node = this.#take(NODE.single | NODE.seen);
    this.members.set(node, 1);
    return node;
  }

  /** Forgets a node that nothing leads to. */
  remove(node: number): void {
    if (!this.is(node, NODE.single)) this.#unindex(node);
    this.flags.set(node, 0);
    this.members.set(node, 0);
    this.waiters.set(node, 0);
    this.#free.push(node);
    this.#size -= 1;
  }

  is(node: number, flag: number): boolean {
    return (this.flags.get(node) & flag) !== 0;
  }

  mark(node: number, flag: number, on = true): void {
    const flags = this.flags.get(node);
    this.flags.set(node, on ? flags | flag : flags & ~flag);
  }

  /** Whether it holds back whoever waits for it. */
  isOpen(node: number): boolean {
    return this.members.get(node) > 0 || !this.is(node, NODE.seen);
  }

  /** The 16 bytes of a group's hash. */
  hash(node: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(4);
    for (let i = 0; i < 4; i += 1) words[i] = this.#hash.get(node * 4 + i);
    return new Uint8Array(words.buffer);
  }

  /** Ids of all nodes in use: for tests. */
  *all(): Iterable<number> {
    const free = new Set(this.#free);
    for (let node = 1; node < this.#end; node += 1) if (!free.has(node)) yield node;
  }

  #take(flags: number): number {
    const isNew = this.#free.length === 0;
    const node = isNew ? this.#end : (this.#free.pop() as number);
    if (isNew) {
      // Its columns are zero still.
      this.#end += 1;
    } else {
      this.head.set(node, 0);
      this.tail.set(node, 0);
    }
    this.flags.set(node, flags);
    this.#size += 1;
    return node;
  }

  #has(node: number, h0: number, h1: number, h2: number, h3: number): boolean {
    const at = node * 4;
    return (
      this.#hash.get(at) === h0 &&
      this.#hash.get(at + 1) === h1 &&
      this.#hash.get(at + 2) === h2 &&
      this.#hash.get(at + 3) === h3
    );
  }

  #grow(shard: Shard): void {
    const { length: before } = shard.slots;
    let length = 2 * before;
    while ((length / 2) * FILL_MAX < this.#expected / SHARDS && length < before * GROWTH_MAX) length *= 2;
    const slots = new Uint32Array(length);
    for (let at = 0; at < shard.slots.length; at += 2) {
      const node = shard.slots[at] as number;
      if (node !== 0) insert(slots, node, shard.slots[at + 1] as number);
    }
    shard.slots = slots;
  }

  #unindex(node: number): void {
    const shard = this.#shards[this.#hash.get(node * 4) & (SHARDS - 1)] as Shard;
    const { slots } = shard;
    const mask = slots.length - 1;
    let gap = (2 * this.#hash.get(node * 4 + 1)) & mask;
    while (slots[gap] !== node) gap = (gap + 2) & mask;
    // Later entries of the run move back over the freed slot, so that no tombstones pile up.
    for (let at = (gap + 2) & mask; slots[at] !== 0; at = (at + 2) & mask) {
      const home = (2 * (slots[at + 1] as number)) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = slots[at] as number;
      slots[gap + 1] = slots[at + 1] as number;
      gap = at;
    }
    slots[gap] = 0;
    shard.count -= 1;
    this.#groups -= 1;
  }
}

function insert(slots: Uint32Array, node: number, word: number): void {
  const mask = slots.length - 1;
  let at = (2 * word) & mask;
  while (slots[at] !== 0) at = (at + 2) & mask;
  slots[at] = node;
  slots[at + 1] = word;
}
