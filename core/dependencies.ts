/**
 * Who waits for what: links between jobs and the nodes of {@link DependencyNodes}, as counters, never as the product of
 * members and waiters.
 *
 * ```
 * job ──member──► node "align"  ◄──waits── job          a group: opened by its first member that is not done,
 * job ──member──►    members 2  ◄──waits── job          closed by the last, for good or until the next one
 * job ─────own──► node, members 1 ◄──waits── job        a single job, for `cmd_deps`
 * ```
 *
 * A job counts the open nodes it waits for (`unmet`). Adding a member to an open group is one addition. When a node opens
 * or closes, those that wait for it are told by {@link Dependencies.sweep}, in steps as long as the caller likes; until all are told,
 * `isBlocked` looks at the nodes themselves, so that nobody is handed out too early.
 *
 * A complete job keeps its links to the groups it waited for as *past* ones while its row is in memory: it may have to
 * run again, and only after that is it found by the index on disk.
 */
import { DependencyColumns } from './dependency-columns.ts';
import { DependencyNodes, NODE } from './dependency-nodes.ts';
import { DEPENDENCY_FLAGS, JOB_FLAG } from './job-flags.ts';
import type { JobTable } from './job-table.ts';
import { rowOf } from './job-table.ts';
import { PagedColumn } from './paged-column.ts';

const NONE: ReadonlyMap<number, number> = new Map();

export interface DependencyEvents {
  /** The job has to wait from now on. */
  blocked(job: number): void;
  /** Something it waits for opened, and closed again before the job was told. */
  missed(job: number): void;
  /** Nothing it waits for is open. */
  freed(job: number): void;
}

/** What a link's word says beside its node. */
const MEMBER = 1 << 31;
/** The node is open, and counted in its waiter's `unmet`. */
const COUNTED = 1 << 30;
const PAST = 1 << 29;
const NODE_MASK = PAST - 1;

export class Dependencies {
  readonly nodes = new DependencyNodes();
  readonly #table: JobTable;
  readonly #events: DependencyEvents;
  readonly #jobs = new DependencyColumns();
  /** Of a link: its node with the bits above; 0 once it has no meaning any more. */
  readonly #node = new PagedColumn();
  readonly #job = new PagedColumn();
  readonly #nextOfJob = new PagedColumn();
  /** Among those that wait for one node; `next` also chains the free links. */
  readonly #next = new PagedColumn();
  readonly #previous = new PagedColumn();
  #end = 1;
  #free = 0;
  #links = 0;
  /** Nodes whose waiters are being told, with the next of them. */
  readonly #sweeps = new Map<number, number>();
  #pins = 0;
  readonly #idle = new Set<number>();
  /** Groups that closed and are not in the index of seen groups; the owner empties it. */
  toSave: number[] = [];
  /** Hashes of groups never seen that nobody waits for any more; the owner empties it. */
  unseenGone: Uint8Array[] = [];

  constructor(table: JobTable, events: DependencyEvents) {
    this.#table = table;
    this.#events = events;
  }

  /** Nodes that open and close without anyone being told. */
  #quiet: ReadonlyMap<number, number> = NONE;

  /** Links in use. */
  get size(): number {
    return this.#links;
  }

  // ------------------------------------------------------------ linking

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

  /**
   * Makes a job a member of a group.
   * @param held - takes closed groups that others wait or waited for, with how many members they are to get: opening them
   *   is left to {@link admit}
   */
  addMember(job: number, node: number, held: Map<number, number> | null): void {
    this.#link(job, node, MEMBER);
    this.#flag(job, JOB_FLAG.member);
    if (held !== null && !this.nodes.isOpen(node) && this.nodes.head.get(node) !== 0)
      held.set(node, (held.get(node) ?? 0) + 1);
    else this.admit(node, 1);
  }

  /** Counts members in; the first of them opens a closed group. */
  admit(node: number, members: number): void {
    const wasOpen = this.nodes.isOpen(node);
    this.nodes.members.set(node, this.nodes.members.get(node) + members);
    this.nodes.mark(node, NODE.seen);
    this.#changed(node, wasOpen);
  }

  /** Makes a job wait for a group. */
  addWait(job: number, node: number): void {
    const isOpen = this.nodes.isOpen(node);
    const link = this.#link(job, node, isOpen ? COUNTED : 0);
    this.#append(node, link);
    this.#flag(job, JOB_FLAG.waits);
    if (isOpen) this.#jobs.addUnmet(job, 1);
    this.nodes.waiters.set(node, this.nodes.waiters.get(node) + 1);
  }

  /** Makes a job wait for another one that is not done. */
  addSingleWait(job: number, parent: number): void {
    let node = this.#jobs.own(parent);
    if (node === 0) {
      node = this.nodes.addSingle();
      this.#jobs.setOwn(parent, node);
      this.#flag(parent, JOB_FLAG.parent);
    }
    this.addWait(job, node);
  }

  // ------------------------------------------------------------ asking

  /** Open nodes that a job waits for, as far as it has been told. */
  unmet(job: number): number {
    return this.#jobs.unmet(job);
  }

  /** Whether something that the job waits for is open now. */
  isBlocked(job: number): boolean {
    if (this.#sweeps.size === 0) return this.#jobs.unmet(job) > 0;
    for (let link = this.#jobs.links(job); link !== 0; link = this.#nextOfJob.get(link)) {
      const word = this.#node.get(link);
      if (word !== 0 && (word & (MEMBER | PAST)) === 0 && this.nodes.isOpen(word & NODE_MASK)) return true;
    }
    return false;
  }

  /** Whether jobs in the queue wait for it, or did. */
  hasDependants(job: number): boolean {
    for (const node of this.nodesOf(job)) if (this.nodes.waiters.get(node) > 0) return true;
    return false;
  }

  /** The nodes that a job's end counts for: its groups and its own. */
  *nodesOf(job: number): Iterable<number> {
    const own = this.#jobs.own(job);
    if (own !== 0) yield own;
    for (const link of this.#linksOf(job)) if (this.#isMember(link)) yield this.#nodeOf(link);
  }

  /** The nodes that a job in the queue waits for or did; with `past`, those of a complete one. */
  *waitsOf(job: number, past = false): Iterable<number> {
    for (const link of this.#linksOf(job)) {
      const word = this.#node.get(link);
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
    for (let link = this.nodes.head.get(node); link !== 0; link = this.#next.get(link))
      if ((this.#node.get(link) & PAST) === 0) yield this.#job.get(link);
  }

  /** Complete jobs that waited for a node and whose rows are in memory. */
  *pastWaitersOf(node: number): Iterable<number> {
    for (let link = this.nodes.head.get(node); link !== 0; link = this.#next.get(link))
      if ((this.#node.get(link) & PAST) !== 0) yield this.#job.get(link);
  }

  // ------------------------------------------------------------ walking, for {@link CycleSearch}

  /** The node that stands for a job as a single one, or 0. */
  ownNode(job: number): number {
    return this.#jobs.own(job);
  }

  /** The first link of a job's, or the one after `link`, that makes it a member of a group; 0: none. */
  memberLink(job: number, after: number): number {
    let link = after === 0 ? this.#jobs.links(job) : this.#nextOfJob.get(after);
    while (link !== 0 && !this.#isMember(link)) link = this.#nextOfJob.get(link);
    return link;
  }

  /** The first link of a job in the queue that waits for a node, or the one after `link`; 0: none. */
  waitLink(node: number, after: number): number {
    let link = after === 0 ? this.nodes.head.get(node) : this.#next.get(after);
    while (link !== 0 && (this.#node.get(link) & PAST) !== 0) link = this.#next.get(link);
    return link;
  }

  nodeOf(link: number): number {
    return this.#nodeOf(link);
  }

  jobOf(link: number): number {
    return this.#job.get(link);
  }

  // ------------------------------------------------------------ ends

  /** A job is complete: what it held open may close. */
  finish(job: number): void {
    let kept = 0;
    for (let link = this.#jobs.links(job); link !== 0; ) {
      const following = this.#nextOfJob.get(link);
      if (this.#isWait(link) && !this.nodes.is(this.#nodeOf(link), NODE.single)) {
        this.#uncount(job, link);
        this.#node.set(link, (this.#node.get(link) | PAST) >>> 0);
        const node = this.#nodeOf(link);
        this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
        this.#nextOfJob.set(link, kept);
        kept = link;
      } else this.#drop(job, link);
      link = following;
    }
    this.#jobs.setLinks(job, kept);
    this.#closeOwn(job);
    this.#setFlags(job, kept === 0 ? 0 : JOB_FLAG.waits);
  }

  /** A job has no part in anything any more: removed, archived, or never added after all. */
  forget(job: number): void {
    for (let link = this.#jobs.links(job); link !== 0; ) {
      const following = this.#nextOfJob.get(link);
      this.#drop(job, link);
      link = following;
    }
    this.#closeOwn(job);
    this.#jobs.clear(job);
    this.#setFlags(job, 0);
  }

  /** Drops what a job waits for, and leaves what waits for it: before it is told to wait for something else. */
  forgetWaits(job: number): void {
    let kept = 0;
    for (let link = this.#jobs.links(job); link !== 0; ) {
      const following = this.#nextOfJob.get(link);
      if (this.#isMember(link)) {
        this.#nextOfJob.set(link, kept);
        kept = link;
      } else this.#drop(job, link);
      link = following;
    }
    this.#jobs.setLinks(job, kept);
    this.#setFlags(job, this.#flagsOf(job) & ~JOB_FLAG.waits);
  }

  // ------------------------------------------------------------ telling

  /** Whether jobs are still to be told that what they wait for opened or closed. */
  get sweeping(): boolean {
    return this.#sweeps.size > 0;
  }

  /** Tells up to `max` of them. @returns how many */
  sweep(max: number): number {
    let told = 0;
    for (const [node, first] of this.#sweeps) {
      const isOpen = this.nodes.isOpen(node);
      let link = first;
      for (; link !== 0 && told < max; told += 1) {
        const following = this.#next.get(link);
        this.#tell(link, node, isOpen);
        link = following;
      }
      if (link !== 0) {
        this.#sweeps.set(node, link);
        return told;
      }
      this.#sweeps.delete(node);
      this.#freeIfIdle(node);
    }
    return told;
  }

  #tell(link: number, node: number, isOpen: boolean): void {
    const word = this.#node.get(link);
    if ((word & PAST) !== 0) return;
    const job = this.#job.get(link);
    if (isOpen) {
      if ((word & COUNTED) !== 0) return;
      this.#node.set(link, (word | COUNTED) >>> 0);
      if (this.#jobs.addUnmet(job, 1) === 1) this.#events.blocked(job);
      return;
    }
    const isSingle = this.nodes.is(node, NODE.single);
    if ((word & COUNTED) === 0 && !isSingle) this.#events.missed(job);
    this.#uncount(job, link);
    if (isSingle) {
      // Static: what happens to that job from now on is of no account.
      this.#detach(node, link);
      this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
      this.#node.set(link, 0);
    }
    if (this.#jobs.unmet(job) === 0 && !this.isBlocked(job)) this.#events.freed(job);
  }

  // ------------------------------------------------------------ keeping nodes

  /** Keeps all nodes until {@link unpin}: what was looked up of groups on disk stays true as long. */
  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    if (this.#pins > 0) return;
    const idle = [...this.#idle];
    this.#idle.clear();
    for (const node of idle) this.#freeIfIdle(node);
  }

  /**
   * A failed add takes back that it was the first to make these groups seen; `forget` drops its members.
   * @param held - from {@link addMember}, when they were not admitted: nobody has been told of them, nor is to be now
   */
  unsee(nodes: Iterable<number>, held: ReadonlyMap<number, number>, forget: () => void): void {
    this.#quiet = held;
    for (const [node, members] of held) this.admit(node, members);
    const marked = [...nodes];
    for (const node of marked) this.nodes.mark(node, NODE.seen, false);
    forget();
    for (const node of marked) if (this.nodes.members.get(node) > 0) this.nodes.mark(node, NODE.seen);
    this.#quiet = NONE;
  }

  /** These groups are in the index of seen groups. */
  saved(nodes: readonly number[]): void {
    for (const node of nodes) {
      this.nodes.mark(node, NODE.saving, false);
      this.nodes.mark(node, NODE.saved);
      this.#freeIfIdle(node);
    }
  }

  // ------------------------------------------------------------ inside

  #link(job: number, node: number, bits: number): number {
    let link = this.#free;
    if (link === 0) {
      link = this.#end;
      this.#end += 1;
    } else this.#free = this.#next.get(link);
    this.#links += 1;
    this.#node.set(link, (node | bits) >>> 0);
    this.#job.set(link, job);
    this.#next.set(link, 0);
    this.#previous.set(link, 0);
    this.#nextOfJob.set(link, this.#jobs.links(job));
    this.#jobs.setLinks(job, link);
    return link;
  }

  #append(node: number, link: number): void {
    const last = this.nodes.tail.get(node);
    this.#previous.set(link, last);
    if (last === 0) this.nodes.head.set(node, link);
    else this.#next.set(last, link);
    this.nodes.tail.set(node, link);
  }

  /** Takes a waiter's link out of its node's list. */
  #detach(node: number, link: number): void {
    const next = this.#next.get(link);
    const previous = this.#previous.get(link);
    if (this.#sweeps.get(node) === link) this.#sweeps.set(node, next);
    if (previous === 0) this.nodes.head.set(node, next);
    else this.#next.set(previous, next);
    if (next === 0) this.nodes.tail.set(node, previous);
    else this.#previous.set(next, previous);
  }

  /** Undoes a link, whatever it is; the job's list is the caller's. */
  #drop(job: number, link: number): void {
    const word = this.#node.get(link);
    const node = word & NODE_MASK;
    if ((word & MEMBER) !== 0) this.#leave(node);
    else if (word !== 0) {
      this.#uncount(job, link);
      this.#detach(node, link);
      if ((word & PAST) === 0) this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
      this.#freeIfIdle(node);
    }
    this.#next.set(link, this.#free);
    this.#free = link;
    this.#links -= 1;
  }

  /** A node has one member less. */
  #leave(node: number): void {
    this.nodes.members.set(node, this.nodes.members.get(node) - 1);
    this.#changed(node, true);
  }

  #closeOwn(job: number): void {
    const own = this.#jobs.own(job);
    if (own === 0) return;
    this.#jobs.setOwn(job, 0);
    this.#leave(own);
  }

  #uncount(job: number, link: number): void {
    const word = this.#node.get(link);
    if ((word & COUNTED) === 0) return;
    this.#node.set(link, (word & ~COUNTED) >>> 0);
    this.#jobs.addUnmet(job, -1);
  }

  /** A node's members changed: if it opened or closed, whoever waits for it is to be told. */
  #changed(node: number, wasOpen: boolean): void {
    const isOpen = this.nodes.isOpen(node);
    if (!isOpen) this.#noteClosed(node);
    const head = this.nodes.head.get(node);
    if (head === 0) this.#freeIfIdle(node);
    else if (isOpen !== wasOpen && !this.#quiet.has(node)) this.#sweeps.set(node, head);
  }

  #noteClosed(node: number): void {
    if (this.nodes.is(node, NODE.single | NODE.saved | NODE.saving)) return;
    this.nodes.mark(node, NODE.saving);
    this.toSave.push(node);
  }

  #freeIfIdle(node: number): void {
    const { nodes } = this;
    if (nodes.members.get(node) > 0 || nodes.head.get(node) !== 0 || this.#sweeps.has(node)) return;
    const isSeen = nodes.is(node, NODE.seen);
    if (isSeen && !nodes.is(node, NODE.single | NODE.saved)) return; // Not before its being seen is on disk.
    if (this.#pins > 0) {
      this.#idle.add(node);
      return;
    }
    if (!isSeen) this.unseenGone.push(nodes.hash(node));
    nodes.remove(node);
  }

  *#linksOf(job: number): Iterable<number> {
    for (let link = this.#jobs.links(job); link !== 0; link = this.#nextOfJob.get(link)) yield link;
  }

  #nodeOf(link: number): number {
    return this.#node.get(link) & NODE_MASK;
  }

  #isMember(link: number): boolean {
    return (this.#node.get(link) & MEMBER) !== 0;
  }

  #isWait(link: number): boolean {
    const word = this.#node.get(link);
    return word !== 0 && (word & (MEMBER | PAST)) === 0;
  }

  #flagsOf(job: number): number {
    return this.#table.chunkOf(job)?.flags[rowOf(job)] ?? 0;
  }

  #flag(job: number, flag: number): void {
    this.#setFlags(job, this.#flagsOf(job) | flag);
  }

  /** Sets the bits that tell of dependencies, and leaves the others. */
  #setFlags(job: number, flags: number): void {
    const chunk = this.#table.chunkOf(job);
    if (chunk === undefined) return;
    const row = rowOf(job);
    chunk.flags[row] = ((chunk.flags[row] as number) & ~DEPENDENCY_FLAGS) | (flags & DEPENDENCY_FLAGS);
  }
}
