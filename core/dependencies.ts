/**
 * Who waits for what, and who is told when it opens or closes: links between jobs and the nodes of
 * {@link DependencyNodes}, as counters, never as the product of members and waiters. The lists themselves are those of
 * {@link DependencyGraph}.
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
import { COUNTED, DependencyGraph, MEMBER, NODE_MASK, PAST } from './dependency-graph.ts';
import { NODE } from './dependency-nodes.ts';
import { JOB_FLAG } from './job-flags.ts';
import type { JobTable } from './job-table.ts';

const NONE: ReadonlyMap<number, number> = new Map();

export interface DependencyEvents {
  /** The job has to wait from now on. */
  blocked(job: number): void;
  /** Something it waits for opened, and closed again before the job was told. */
  missed(job: number): void;
  /** Nothing it waits for is open. */
  freed(job: number): void;
}

export class Dependencies extends DependencyGraph {
  readonly #events: DependencyEvents;
  #pins = 0;
  readonly #idle = new Set<number>();
  /** Groups that closed and are not in the index of seen groups; the owner empties it. */
  toSave: number[] = [];
  /** Hashes of groups never seen that nobody waits for any more; the owner empties it. */
  unseenGone: Uint8Array[] = [];

  constructor(table: JobTable, events: DependencyEvents) {
    super(table);
    this.#events = events;
  }

  /** Nodes that open and close without anyone being told. */
  #quiet: ReadonlyMap<number, number> = NONE;

  // ------------------------------------------------------------ linking

  /**
   * Makes a job a member of a group.
   * @param held - takes closed groups that others wait or waited for, with how many members they are to get: opening them
   *   is left to {@link admit}
   */
  addMember(job: number, node: number, held: Map<number, number> | null): void {
    this.link(job, node, MEMBER);
    this.flag(job, JOB_FLAG.member);
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
    const link = this.link(job, node, isOpen ? COUNTED : 0);
    this.append(node, link);
    this.flag(job, JOB_FLAG.waits);
    if (isOpen) this.jobs.addUnmet(job, 1);
    this.nodes.waiters.set(node, this.nodes.waiters.get(node) + 1);
  }

  /** Makes a job wait for another one that is not done. */
  addSingleWait(job: number, parent: number): void {
    let node = this.jobs.own(parent);
    if (node === 0) {
      node = this.nodes.addSingle();
      this.jobs.setOwn(parent, node);
      this.flag(parent, JOB_FLAG.parent);
    }
    this.addWait(job, node);
  }

  /** Whether something that the job waits for is open now. */
  isBlocked(job: number): boolean {
    if (this.sweeps.size === 0) return this.jobs.unmet(job) > 0;
    for (let link = this.jobs.links(job); link !== 0; link = this.nextOfJob.get(link)) {
      const word = this.node.get(link);
      if (word !== 0 && (word & (MEMBER | PAST)) === 0 && this.nodes.isOpen(word & NODE_MASK)) return true;
    }
    return false;
  }

  // ------------------------------------------------------------ ends

  /** A job is complete: what it held open may close. */
  finish(job: number): void {
    let kept = 0;
    for (let link = this.jobs.links(job); link !== 0; ) {
      const following = this.nextOfJob.get(link);
      if (this.isWait(link) && !this.nodes.is(this.nodeOf(link), NODE.single)) {
        this.#uncount(job, link);
        this.node.set(link, (this.node.get(link) | PAST) >>> 0);
        const node = this.nodeOf(link);
        this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
        this.nextOfJob.set(link, kept);
        kept = link;
      } else this.#drop(job, link);
      link = following;
    }
    this.jobs.setLinks(job, kept);
    this.#closeOwn(job);
    this.setFlags(job, kept === 0 ? 0 : JOB_FLAG.waits);
  }

  /** A job has no part in anything any more: removed, archived, or never added after all. */
  forget(job: number): void {
    for (let link = this.jobs.links(job); link !== 0; ) {
      const following = this.nextOfJob.get(link);
      this.#drop(job, link);
      link = following;
    }
    this.#closeOwn(job);
    this.jobs.clear(job);
    this.setFlags(job, 0);
  }

  /** Drops what a job waits for, and leaves what waits for it: before it is told to wait for something else. */
  forgetWaits(job: number): void {
    let kept = 0;
    for (let link = this.jobs.links(job); link !== 0; ) {
      const following = this.nextOfJob.get(link);
      if (this.isMember(link)) {
        this.nextOfJob.set(link, kept);
        kept = link;
      } else this.#drop(job, link);
      link = following;
    }
    this.jobs.setLinks(job, kept);
    this.setFlags(job, this.flagsOf(job) & ~JOB_FLAG.waits);
  }

  // ------------------------------------------------------------ telling

  /** Whether jobs are still to be told that what they wait for opened or closed. */
  get sweeping(): boolean {
    return this.sweeps.size > 0;
  }

  /** Tells up to `max` of them. @returns how many */
  sweep(max: number): number {
    let told = 0;
    for (const [node, first] of this.sweeps) {
      const isOpen = this.nodes.isOpen(node);
      let link = first;
      for (; link !== 0 && told < max; told += 1) {
        const following = this.next.get(link);
        this.#tell(link, node, isOpen);
        link = following;
      }
      if (link !== 0) {
        this.sweeps.set(node, link);
        return told;
      }
      this.sweeps.delete(node);
      this.#freeIfIdle(node);
    }
    return told;
  }

  #tell(link: number, node: number, isOpen: boolean): void {
    const word = this.node.get(link);
    if ((word & PAST) !== 0) return;
    const job = this.job.get(link);
    if (isOpen) {
      if ((word & COUNTED) !== 0) return;
      this.node.set(link, (word | COUNTED) >>> 0);
      if (this.jobs.addUnmet(job, 1) === 1) this.#events.blocked(job);
      return;
    }
    const isSingle = this.nodes.is(node, NODE.single);
    if ((word & COUNTED) === 0 && !isSingle) this.#events.missed(job);
    this.#uncount(job, link);
    if (isSingle) {
      // Static: what happens to that job from now on is of no account.
      this.detach(node, link);
      this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
      this.node.set(link, 0);
    }
    if (this.jobs.unmet(job) === 0 && !this.isBlocked(job)) this.#events.freed(job);
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

  /** Undoes a link, whatever it is; the job's list is the caller's. */
  #drop(job: number, link: number): void {
    const word = this.node.get(link);
    const node = word & NODE_MASK;
    if ((word & MEMBER) !== 0) this.#leave(node);
    else if (word !== 0) {
      this.#uncount(job, link);
      this.detach(node, link);
      if ((word & PAST) === 0) this.nodes.waiters.set(node, this.nodes.waiters.get(node) - 1);
      this.#freeIfIdle(node);
    }
    this.free(link);
  }

  /** A node has one member less. */
  #leave(node: number): void {
    this.nodes.members.set(node, this.nodes.members.get(node) - 1);
    this.#changed(node, true);
  }

  #closeOwn(job: number): void {
    const own = this.jobs.own(job);
    if (own === 0) return;
    this.jobs.setOwn(job, 0);
    this.#leave(own);
  }

  #uncount(job: number, link: number): void {
    const word = this.node.get(link);
    if ((word & COUNTED) === 0) return;
    this.node.set(link, (word & ~COUNTED) >>> 0);
    this.jobs.addUnmet(job, -1);
  }

  /** A node's members changed: if it opened or closed, whoever waits for it is to be told. */
  #changed(node: number, wasOpen: boolean): void {
    const isOpen = this.nodes.isOpen(node);
    if (!isOpen) this.#noteClosed(node);
    const head = this.nodes.head.get(node);
    if (head === 0) this.#freeIfIdle(node);
    else if (isOpen !== wasOpen && !this.#quiet.has(node)) this.sweeps.set(node, head);
  }

  #noteClosed(node: number): void {
    if (this.nodes.is(node, NODE.single | NODE.saved | NODE.saving)) return;
    this.nodes.mark(node, NODE.saving);
    this.toSave.push(node);
  }

  #freeIfIdle(node: number): void {
    const { nodes } = this;
    if (nodes.members.get(node) > 0 || nodes.head.get(node) !== 0 || this.sweeps.has(node)) return;
    const isSeen = nodes.is(node, NODE.seen);
    if (isSeen && !nodes.is(node, NODE.single | NODE.saved)) return; // Not before its being seen is on disk.
    if (this.#pins > 0) {
      this.#idle.add(node);
      return;
    }
    if (!isSeen) this.unseenGone.push(nodes.hash(node));
    nodes.remove(node);
  }
}
