/**
 * The dependencies of one add: who of its jobs waits for what, whose complete dependants run again with it, and that
 * nothing waits for itself. Everything is linked before the add goes to disk and counts from the moment that it does: what
 * completes before that moment is found here as complete, what completes after it finds its group open again.
 *
 * ```
 * claimed ─► reruns looked up and claimed ─► linked, in slices ─► no cycle ─► admit + commit, in one turn ─► activated
 * ```
 */
import { type Claim, claimKeys } from '../core/claims.ts';
import { CycleSearch } from '../core/cycles.ts';
import type { Dependencies } from '../core/dependencies.ts';
import { type LinkColumns, RUN } from '../core/dependency-links.ts';
import { type DependencyNodes, NODE } from '../core/dependency-nodes.ts';
import { WrError } from '../core/errors.ts';
import { DEPENDENCY_FLAGS, JOB_FLAG } from '../core/job-flags.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';
import { PagedColumn } from '../core/paged-column.ts';
import { STATE } from '../core/states.ts';
import { linksWrite, unseenWrite } from '../store/dependency-tables.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import type { RerunPart } from '../workers/reruns.ts';
import type { AddPart } from './add-part.ts';
import { type Clock, Slices } from './clock.ts';
import { cycleText, newCommand } from './cycle-text.ts';
import { collectGaining, groupsOf, hashesOf, hashText, type LinkedPart, linkedPart } from './linked-part.ts';
import type { Tasks } from './tasks.ts';
import { unseenTexts } from './unseen-text.ts';

/** Links made, or steps of the search taken, between two looks at the clock. */
const STEP = 2_048;
const NOTHING = new Uint8Array(0);

export interface LinkingParts {
  readonly queue: JobQueue;
  readonly store: KeyValueStore;
  readonly tasks: Tasks;
  readonly clock: Clock;
  /** Resolves when what has changed so far is on disk. */
  readonly flushed: () => Promise<void>;
  /** Makes a part of jobs that run again, as a segment of its own. */
  readonly rerunPart: (found: RerunPart) => AddPart;
}

export class AddLinks {
  readonly #parts: LinkingParts;
  readonly #dependencies: Dependencies;
  readonly #slices: Slices;
  readonly #linked: LinkedPart[] = [];
  /** Complete jobs that run again because of this add. */
  readonly reruns: { readonly part: AddPart; readonly claim: Claim }[] = [];
  /** Closed groups that others wait for, with the members they get. */
  readonly #held = new Map<number, number>();
  #admitted = false;
  /** Groups that this add is the first to have members of, and among them those that others wait for. */
  readonly #first: number[] = [];
  readonly #awaited = new Set<number>();
  /** Groups never seen that its jobs wait for. */
  readonly #unseen = new Map<number, string>();
  /**
   * So far each job waits for jobs with lower numbers only, and none with a lower one waits for it: then there is no cycle.
   * Most adds are so, however large; the others are searched.
   */
  #isInOrder = true;
  /** The highest number among a node's new members. */
  readonly #lastMember = new PagedColumn();
  /** Jobs that were looked up as missed. */
  readonly #caughtUp = new Set<number>();

  constructor(parts: LinkingParts) {
    this.#parts = parts;
    this.#dependencies = parts.queue.dependencies;
    this.#slices = new Slices(parts.clock);
  }

  /**
   * Links the jobs of an add that were claimed.
   * @throws {WrError} DEPENDENCY_CYCLE naming commands
   */
  async link(parts: readonly AddPart[], claims: readonly Claim[]): Promise<void> {
    const added: LinkedPart[] = [];
    for (const [i, part] of parts.entries()) {
      added.push(linkedPart(this.#parts.queue, part, claims[i] as Claim));
      await this.#slices.pause();
    }
    this.#linked.push(...added);
    // Only once a complete job waited for a group, one may have to run again.
    const gaining = this.#parts.store.count('dependants') === 0 ? NOTHING : await this.#gaining(added);
    const again = await this.#claimAgain(gaining, new Uint32Array(0));
    await this.#linkAll([...added, ...again]);
  }

  /**
   * Lets the groups count their new members from now on; the caller commits in the same turn.
   * @returns false when jobs completed meanwhile that must run again too: `catchUp` first
   */
  admit(): boolean {
    if (this.#missed().length > 0) return false;
    this.#admitted = true;
    for (const [node, members] of this.#held) this.#dependencies.admit(node, members);
    return true;
  }

  /** Takes in jobs that have completed since and wait for groups that get members. */
  async catchUp(): Promise<void> {
    const missed = this.#missed();
    const { queue, flushed } = this.#parts;
    // What they completed must be on disk before what makes them run again.
    if (missed.some((number) => queue.changes.has(number))) await flushed();
    const known = missed.filter((number) => this.#caughtUp.has(number));
    if (known.length > 0)
      throw new WrError('INTERNAL', `command ${queue.table.keyHex(known[0] as number)} cannot be run again`);
    for (const number of missed) this.#caughtUp.add(number);
    await this.#linkAll(await this.#claimAgain(NOTHING, Uint32Array.from(missed)));
  }

  /** To be written with the add. */
  writes(): Write[] {
    const writes: Write[] = [];
    const { nodes } = this.#dependencies;
    for (const { claim, links } of this.#linked)
      if (links !== null && hasLinks(links)) writes.push(linksWrite(claim.first, links));
    for (const node of this.#awaited) writes.push(unseenWrite(nodes.hash(node), false));
    for (const node of this.#unseen.keys()) writes.push(unseenWrite(nodes.hash(node), true));
    return writes;
  }

  /** What to say of groups never seen that its jobs wait for, sorted. */
  warnings(): string[] {
    return unseenTexts(this.#unseen.values());
  }

  /** The add failed: nothing of it counts. */
  undo(): void {
    const held = this.#admitted ? new Map<number, number>() : this.#held;
    this.#dependencies.unsee(this.#first, held, () => {
      for (const { claim } of this.#linked) forgetLinks(this.#parts.queue, claim);
    });
  }

  // ------------------------------------------------------------ jobs that run again

  /** Complete jobs that wait for a group that gets members, and are not among the reruns. */
  #missed(): number[] {
    const missed: number[] = [];
    const { table, keys } = this.#parts.queue;
    for (const node of this.#held.keys()) {
      for (const number of this.#dependencies.pastWaitersOf(node)) {
        const chunk = table.chunkOf(number);
        const row = rowOf(number);
        if (chunk === undefined || chunk.state[row] !== STATE.complete) continue;
        const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = chunk.key.subarray(row * 4, row * 4 + 4);
        // One that is being run again has lost its key to the new job.
        if (keys.find(k0, k1, k2, k3) === number) missed.push(number);
      }
    }
    return missed;
  }

  /** Hashes of the groups that new jobs of these parts are members of, each once. */
  async #gaining(parts: readonly LinkedPart[]): Promise<Uint8Array> {
    const hashes = new Map<string, Uint8Array>();
    for (const { links } of parts) {
      if (links !== null) collectGaining(links, hashes);
      await this.#slices.pause();
    }
    return Buffer.concat([...hashes.values()]);
  }

  async #claimAgain(groups: Uint8Array, complete: Uint32Array): Promise<LinkedPart[]> {
    const { queue, tasks, rerunPart } = this.#parts;
    if (complete.length + groups.length === 0) return [];
    const again: LinkedPart[] = [];
    for (const found of await tasks.reruns(groups, complete)) {
      const part = rerunPart(found);
      const from = queue.table.end;
      const claim = claimKeys(queue, part.keys, part.inHistory, true, (number) => number >= from);
      this.reruns.push({ part, claim });
      const linked = linkedPart(queue, part, claim);
      again.push(linked);
      this.#linked.push(linked);
      await this.#slices.pause();
    }
    return again;
  }

  // ------------------------------------------------------------ links

  async #linkAll(parts: readonly LinkedPart[]): Promise<void> {
    this.#dependencies.nodes.expect(parts.reduce((sum, { nodes }) => sum + nodes.length, 0));
    // Members first: what jobs of the same add wait for is seen, whatever the order of the lines.
    for (const each of parts) await this.#linkMembers(each);
    const seen = await this.#lookUpSeen(parts);
    for (const each of parts) await this.#linkWaits(each, seen);
    if (!this.#isInOrder) await this.#refuseCycles(parts);
  }

  /** Of the groups waited for that are not in memory, those that had members once: 16 characters of hash each. */
  async #lookUpSeen(parts: readonly LinkedPart[]): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    for (const linked of parts) {
      if (linked.links === null) continue;
      await this.#slices.pause();
      const { groups, waits } = linked.links;
      const unknown = groupsOf(waits, linked.nodes.length).filter(
        (group) => this.#findNode(linked, group) === 0,
      );
      if (unknown.length === 0) continue;
      const hashes = hashesOf(groups, unknown);
      const marks = await this.#parts.tasks.seen(hashes);
      marks.forEach((mark, i) => {
        if (mark === 1) seen.add(hashText(hashes, i));
      });
    }
    return seen;
  }

  /** The node of a part's group, 0 when there is none: all are kept while an add is linked, so that each is looked up once. */
  #findNode({ links, nodes }: LinkedPart, group: number): number {
    const known = nodes[group] as number;
    if (known !== 0 || links === null) return known;
    nodes[group] = nodeAt(this.#dependencies.nodes, links.groups, group);
    return nodes[group] as number;
  }

  /** The same, made if there is none. */
  #makeNode(linked: LinkedPart, group: number): number {
    const found = this.#findNode(linked, group);
    if (found !== 0 || linked.links === null) return found;
    linked.nodes[group] = this.#dependencies.nodes.addGroup(linked.links.groups, 4 * group);
    return linked.nodes[group] as number;
  }

  async #linkMembers(linked: LinkedPart): Promise<void> {
    const { claim, links } = linked;
    if (links === null) return;
    const { nodes } = this.#dependencies;
    await this.#eachRun(links.members, (from, to, group) => {
      const node = this.#makeNode(linked, group);
      const isAwaited = nodes.head.get(node) !== 0;
      if (!nodes.is(node, NODE.seen)) {
        this.#first.push(node);
        if (isAwaited) this.#awaited.add(node);
      }
      if (isAwaited) this.#isInOrder = false;
      this.#lastMember.set(node, Math.max(this.#lastMember.get(node), claim.first + to - 1));
      for (let job = from; job < to; job += 1)
        this.#dependencies.addMember(claim.first + job, node, this.#held);
    });
  }

  async #linkWaits(linked: LinkedPart, seen: ReadonlySet<string>): Promise<void> {
    const { part, claim, links } = linked;
    if (links === null) return;
    const { nodes } = this.#dependencies;
    const hashes = new Uint8Array(links.groups.buffer, links.groups.byteOffset, links.groups.byteLength);
    let names: readonly string[] | undefined;
    await this.#eachRun(links.waits, (from, to, group) => {
      const before = nodes.size;
      const node = this.#makeNode(linked, group);
      if (nodes.size > before && seen.has(hashText(hashes, group))) nodes.mark(node, NODE.seen | NODE.saved);
      if (!nodes.is(node, NODE.seen) && !this.#unseen.has(node)) {
        names ??= namesOf(part);
        this.#unseen.set(node, names[group] ?? '');
      }
      if (this.#lastMember.get(node) >= claim.first + from) this.#isInOrder = false;
      for (let job = from; job < to; job += 1) this.#dependencies.addWait(claim.first + job, node);
    });
    await this.#eachRun(links.singles, (from, to, parent) => {
      if (parent >= claim.first + from) this.#isInOrder = false;
      for (let job = from; job < to; job += 1) this.#dependencies.addSingleWait(claim.first + job, parent);
    });
  }

  /** Visits runs, long ones in parts. */
  async #eachRun(
    runs: Uint32Array,
    visit: (from: number, to: number, shared: number) => void,
  ): Promise<void> {
    let steps = 0;
    for (let at = 0; at < runs.length; at += RUN) {
      const end = (runs[at] as number) + (runs[at + 1] as number);
      for (let from = runs[at] as number; from < end; ) {
        const to = Math.min(end, from + STEP - steps);
        visit(from, to, runs[at + 2] as number);
        steps += to - from;
        from = to;
        if (steps < STEP) continue;
        steps = 0;
        await this.#slices.pause();
      }
    }
    await this.#slices.pause();
  }

  // ------------------------------------------------------------ cycles

  async #refuseCycles(parts: readonly LinkedPart[]): Promise<void> {
    const { queue, store } = this.#parts;
    const search = new CycleSearch(this.#dependencies, this.#starts(parts));
    for (;;) {
      const found = search.step(STEP);
      if (found === 'none') return;
      if (found !== 'searching')
        throw new WrError(
          'DEPENDENCY_CYCLE',
          cycleText(found, (job) => newCommand(job, this.#linked, queue, store)),
        );
      await this.#slices.pause();
    }
  }

  /** A cycle leads through a new job that waits and is waited for. */
  *#starts(parts: readonly LinkedPart[]): Iterable<number> {
    const { table } = this.#parts.queue;
    for (const { claim, links } of parts) {
      if (links === null || links.waits.length + links.singles.length === 0) continue;
      for (let job = claim.first; job < claim.first + claim.count; job += 1) {
        const flags = table.chunkOf(job)?.flags[rowOf(job)] ?? 0;
        const isWaitedFor = (flags & (JOB_FLAG.member | JOB_FLAG.parent)) !== 0;
        if ((flags & JOB_FLAG.waits) !== 0 && isWaitedFor) yield job;
      }
    }
  }
}

function hasLinks({ members, waits, singles }: LinkColumns): boolean {
  return members.length + waits.length + singles.length > 0;
}

function nodeAt(nodes: DependencyNodes, groups: Uint32Array, group: number): number {
  const at = 4 * group;
  return nodes.find(
    groups[at] as number,
    groups[at + 1] as number,
    groups[at + 2] as number,
    groups[at + 3] as number,
  );
}

/** Names of the groups that jobs of a part wait for, by index. */
function namesOf({ links }: AddPart): readonly string[] {
  return links === null ? [] : Buffer.from(links.names).toString().split('\0');
}

/** Takes back the links of the jobs of a claim. */
export function forgetLinks(queue: JobQueue, claim: Claim): void {
  for (let number = claim.first; number < claim.first + claim.count; number += 1) {
    const flags = queue.table.chunkOf(number)?.flags[rowOf(number)] ?? 0;
    if ((flags & DEPENDENCY_FLAGS) !== 0) queue.dependencies.forget(number);
  }
}
