/**
 * The links between jobs and nodes as they stand: lists in columns, and what can be read off them.
 *
 * Each job has a list of its links, and each node one of those that wait for it; members are only counted. What opens
 * and closes, and who is told of it, is {@link Dependencies}'.
 */
import { DependencyColumns } from './dependency-columns.ts';
import { DependencyNodes, NODE } from './dependency-nodes.ts';
import { DEPENDENCY_FLAGS } from './job-flags.ts';
import type { JobTable } from './job-table.ts';
import { rowOf } from './job-table.ts';
import { PagedColumn } from './paged-column.ts';

/** What a link's word says beside its node: the job is one of its members. */
export const MEMBER = 1 << 31;
/** The node is open, and counted in its waiter's `unmet`. */
export const COUNTED = 1 << 30;
/** Its waiter is complete; kept in case that it has to run again. */
export const PAST = 1 << 29;
export const NODE_MASK = PAST - 1;

export class DependencyGraph {
  readonly nodes = new DependencyNodes();
  readonly #table: JobTable;
  protected readonly jobs = new DependencyColumns();
  /** Of a link: its node with the bits above; 0 once it has no meaning any more. */
  protected readonly node = new PagedColumn();
  protected readonly job = new PagedColumn();
  protected readonly nextOfJob = new PagedColumn();
  /** Among those that wait for one node; `next` also chains the free links. */
  protected readonly next = new PagedColumn();
  protected readonly previous = new PagedColumn();
  #end = 1;
  #free = 0;
  #links = 0;
  /** Nodes whose waiters are being told, with the next of them. */
  protected readonly sweeps = new Map<number, number>();

  constructor(table: JobTable) {
    this.#table = table;
  }

  /** Links in use. */
  get size(): number {
    return this.#links;
  }

  /** The node of a group, made if it is new: then as one never seen. @param hashes - four words a group */
  group(hashes: Uint32Array, index: number): number {
    const at = 4 * index;
    const known = this.nodes.find(
      hashes[at] as number,
      hashes[at + 1] as number,
      hashes[at + 2] as number,
      hashes[at + 3] as number,
    );
    return known === 0 ? this.nodes.addGroup(hashes, at) : known;
  }

  // ------------------------------------------------------------ asking

  /** Open nodes that a job waits for, as far as it has been told. */
  unmet(job: number): number {
    return this.jobs.unmet(job);
  }

  /** Whether jobs in the queue wait for it, or did. */
  hasDependants(job: number): boolean {
    for (const node of this.nodesOf(job)) if (this.nodes.waiters.get(node) > 0) return true;
    return false;
  }

  /** The nodes that a job's end counts for: its groups and its own. */
  *nodesOf(job: number): Iterable<number> {
    const own = this.jobs.own(job);
    if (own !== 0) yield own;
    for (const link of this.linksOf(job)) if (this.isMember(link)) yield this.nodeOf(link);
  }

  /** The nodes that a job in the queue waits for or did; with `past`, those of a complete one. */
  *waitsOf(job: number, past = false): Iterable<number> {
    for (const link of this.linksOf(job)) {
      const word = this.node.get(link);
      if (word !== 0 && (word & MEMBER) === 0 && (past || (word & PAST) === 0)) yield word & NODE_MASK;
    }
  }

  /** Hashes of the groups that a job waits or waited for. */
  groupsWaitedFor(job: number): Uint8Array[] {
    const hashes: Uint8Array[] = [];
    for (const node of this.waitsOf(job, true))
      if (!this.nodes.is(node, NODE.single)) hashes.push(this.nodes.hash(node));
    return hashes;
  }

  /** Whether nothing of a group keeps a job waiting any more. */
  isGroupDone(hash: Uint8Array): boolean {
    const words = new Uint32Array(new Uint8Array(hash).buffer);
    const node = this.nodes.find(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
    return node !== 0 && !this.nodes.isOpen(node);
  }

  /** Jobs in the queue that wait for a node or did. */
  *waitersOf(node: number): Iterable<number> {
    for (let link = this.nodes.head.get(node); link !== 0; link = this.next.get(link))
      if ((this.node.get(link) & PAST) === 0) yield this.job.get(link);
  }

  /** Complete jobs that waited for a node and whose rows are in memory. */
  *pastWaitersOf(node: number): Iterable<number> {
    for (let link = this.nodes.head.get(node); link !== 0; link = this.next.get(link))
      if ((this.node.get(link) & PAST) !== 0) yield this.job.get(link);
  }

  // ------------------------------------------------------------ walking, for {@link CycleSearch}

  /** The node that stands for a job as a single one, or 0. */
  ownNode(job: number): number {
    return this.jobs.own(job);
  }

  /** The first link of a job's, or the one after `link`, that makes it a member of a group; 0: none. */
  memberLink(job: number, after: number): number {
    let link = after === 0 ? this.jobs.links(job) : this.nextOfJob.get(after);
    while (link !== 0 && !this.isMember(link)) link = this.nextOfJob.get(link);
    return link;
  }

  /** The first link of a job in the queue that waits for a node, or the one after `link`; 0: none. */
  waitLink(node: number, after: number): number {
    let link = after === 0 ? this.nodes.head.get(node) : this.next.get(after);
    while (link !== 0 && (this.node.get(link) & PAST) !== 0) link = this.next.get(link);
    return link;
  }

  nodeOf(link: number): number {
    return this.node.get(link) & NODE_MASK;
  }

  jobOf(link: number): number {
    return this.job.get(link);
  }

  // ------------------------------------------------------------ linking

  protected link(job: number, node: number, bits: number): number {
    let link = this.#free;
    const before = link === 0 ? this.jobs.pushLink(job, this.#end) : this.jobs.pushLink(job, link);
    if (link === 0) {
      // All its columns are zero still.
      link = this.#end;
      this.#end += 1;
      if (before !== 0) this.nextOfJob.set(link, before);
    } else {
      this.#free = this.next.get(link);
      this.next.set(link, 0);
      this.previous.set(link, 0);
      this.nextOfJob.set(link, before);
    }
    this.#links += 1;
    this.node.set(link, (node | bits) >>> 0);
    this.job.set(link, job);
    return link;
  }

  protected append(node: number, link: number): void {
    const last = this.nodes.tail.get(node);
    if (last === 0) this.nodes.head.set(node, link);
    else {
      this.next.set(last, link);
      this.previous.set(link, last);
    }
    this.nodes.tail.set(node, link);
  }

  /** Takes a waiter's link out of its node's list. */
  protected detach(node: number, link: number): void {
    const next = this.next.get(link);
    const previous = this.previous.get(link);
    if (this.sweeps.get(node) === link) this.sweeps.set(node, next);
    if (previous === 0) this.nodes.head.set(node, next);
    else this.next.set(previous, next);
    if (next === 0) this.nodes.tail.set(node, previous);
    else this.previous.set(next, previous);
  }

  /** Lets a link be used again; it is in no list any more. */
  protected free(link: number): void {
    this.next.set(link, this.#free);
    this.#free = link;
    this.#links -= 1;
  }

  protected *linksOf(job: number): Iterable<number> {
    for (let link = this.jobs.links(job); link !== 0; link = this.nextOfJob.get(link)) yield link;
  }

  protected isMember(link: number): boolean {
    return (this.node.get(link) & MEMBER) !== 0;
  }

  protected isWait(link: number): boolean {
    const word = this.node.get(link);
    return word !== 0 && (word & (MEMBER | PAST)) === 0;
  }

  protected flagsOf(job: number): number {
    return this.#table.chunkOf(job)?.flags[rowOf(job)] ?? 0;
  }

  protected flag(job: number, flag: number): void {
    const chunk = this.#table.chunkOf(job);
    if (chunk !== undefined) chunk.flags[rowOf(job)] = (chunk.flags[rowOf(job)] as number) | flag;
  }

  /** Sets the bits that tell of dependencies, and leaves the others. */
  protected setFlags(job: number, flags: number): void {
    const chunk = this.#table.chunkOf(job);
    if (chunk === undefined) return;
    const row = rowOf(job);
    chunk.flags[row] = ((chunk.flags[row] as number) & ~DEPENDENCY_FLAGS) | (flags & DEPENDENCY_FLAGS);
  }
}
