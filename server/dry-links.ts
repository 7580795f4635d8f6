/**
 * Dependencies of an add that is only tried: what its commands would wait for, which groups nobody has seen, and whether any
 * would wait for each other. Linked in a graph of its own, which is dropped with the dry run; what of the queue would wait for new
 * members is copied into it, so that cycles through the queue are found as a true add finds them.
 */
import { CycleSearch } from '../core/cycles.ts';
import { Dependencies } from '../core/dependencies.ts';
import { countBefore, keptRuns, type NamedLinks, RUN } from '../core/dependency-links.ts';
import { NODE } from '../core/dependency-nodes.ts';
import { type DryClaims, VERDICT } from '../core/dry-claims.ts';
import type { DryWaitState, KnownWaits } from '../core/dry-waits.ts';
import { WrError } from '../core/errors.ts';
import { JOB_FLAG } from '../core/job-flags.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { hexOfWords, rowOf } from '../core/job-table.ts';
import { Segment } from '../core/segment.ts';
import { isLive } from '../core/states.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import type { LinkingParts } from './add-links.ts';
import type { Slices } from './clock.ts';
import { commandText, cycleText, queuedCommand } from './cycle-text.ts';
import { groupsOf, hashesOf, hashText } from './linked-part.ts';
import { unseenTexts } from './unseen-text.ts';

/** Packed commands kept to name those of a cycle; beyond it, lines are named. */
const NAMED_BYTES_MAX = 64 * 1024 * 1024;
/** Steps between two looks at the clock. */
const STEP = 2_048;
const SILENT = { blocked: () => undefined, missed: () => undefined, freed: () => undefined };

/** A frame with links: its new commands have the numbers from `first` on. */
interface Part {
  readonly first: number;
  readonly count: number;
  readonly links: NamedLinks;
  readonly waits: Uint32Array;
  readonly singles: Uint32Array;
  /** By new command: its position in the frame. */
  readonly positions: Uint32Array;
  readonly segment: Uint8Array | null;
  readonly lines: Uint32Array | null;
}

export type DryLinkParts = Pick<LinkingParts, 'queue' | 'store' | 'tasks'>;

export class DryLinks {
  readonly #queue: JobQueue;
  readonly #of: DryLinkParts;
  readonly #claims: DryClaims;
  readonly #slices: Slices;
  readonly #graph: Dependencies;
  readonly #parts: Part[] = [];
  #bytes = 0;
  /** Of groups named so far: what the disk says of those that are not in memory. */
  readonly #seen = new Map<string, boolean>();
  /** Numbers that jobs of the queue have in the graph. */
  readonly #copies = new Map<number, number>();
  readonly #originals = new Map<number, number>();

  constructor(of: DryLinkParts, claims: DryClaims, slices: Slices) {
    this.#queue = of.queue;
    this.#of = of;
    this.#claims = claims;
    this.#slices = slices;
    this.#graph = new Dependencies(claims.table, SILENT);
  }

  /**
   * Takes in a frame whose commands were judged.
   * @param first - number of its first new command
   * @param lines - by command: its line in the input
   */
  async take(
    { links, segment }: IngestResult,
    verdicts: Uint8Array,
    first: number,
    lines: Uint32Array | null,
  ): Promise<void> {
    if (links === null) return;
    const keep = verdicts.map((verdict) => (verdict === VERDICT.new ? 1 : 0));
    const before = countBefore(keep);
    const positions = Uint32Array.from({ length: before[keep.length] as number });
    keep.forEach((kept, at) => {
      if (kept === 1) positions[before[at] as number] = at;
    });
    const kept = (runs: Uint32Array): Uint32Array => keptRuns(runs, before, keep.length);
    this.#bytes += segment.byteLength;
    const isNamed = this.#bytes <= NAMED_BYTES_MAX;
    this.#parts.push({
      first,
      count: positions.length,
      links,
      waits: kept(links.waits),
      singles: kept(links.singles),
      positions,
      segment: isNamed ? segment : null,
      lines,
    });
    await this.#eachJob(kept(links.members), (job, group) => {
      this.#graph.addMember(first + job, this.#graph.group(links.groups, group), null);
    });
  }

  /** What is known now of the groups and commands that the commands of a frame wait for. */
  async known({ links }: IngestResult): Promise<KnownWaits> {
    const groups = new Map<string, DryWaitState>();
    const commands = new Map<string, DryWaitState>();
    if (links === null) return { groups, commands };
    await this.#lookUpSeen(links);
    const hashes = new Uint8Array(links.groups.buffer, links.groups.byteOffset, links.groups.byteLength);
    for (let group = 0; group < links.groups.length / 4; group += 1)
      groups.set(hashText(hashes, group), this.#groupState(links.groups, group));
    for (let at = 0; at < links.keys.length; at += 4)
      commands.set(hexOfWords(links.keys, at), this.#commandState(links.keys, at));
    return { groups, commands };
  }

  /**
   * The input is at its end.
   * @returns warnings, as a true add gives them
   * @throws {WrError} DEPENDENCY_CYCLE naming commands
   */
  async finish(): Promise<readonly string[]> {
    if (this.#parts.length === 0) return [];
    await this.#copyWaiters();
    const unseen = new Set<string>();
    for (const part of this.#parts) {
      await this.#lookUpSeen(part.links);
      await this.#linkWaits(part, unseen);
    }
    await this.#refuseCycles();
    return unseenTexts(unseen);
  }

  // ------------------------------------------------------------ what is known

  #groupState(groups: Uint32Array, group: number): DryWaitState {
    const { nodes } = this.#queue.dependencies;
    const node = findNode(this.#queue.dependencies, groups, group);
    if (node !== 0 && nodes.members.get(node) > 0) return 'queued';
    const own = findNode(this.#graph, groups, group);
    if (own !== 0 && this.#graph.nodes.members.get(own) > 0) return 'added';
    if (node !== 0) return nodes.is(node, NODE.seen) ? 'done' : 'unseen';
    const hashes = new Uint8Array(groups.buffer, groups.byteOffset, groups.byteLength);
    return this.#seen.get(hashText(hashes, group)) === true ? 'done' : 'unseen';
  }

  #commandState(keys: Uint32Array, at: number): DryWaitState {
    if (this.#queued(keys, at) !== 0) return 'queued';
    return this.#claims.find(keys, at) === 0 ? 'absent' : 'added';
  }

  /** The job in the queue that has a key, or 0. */
  #queued(keys: Uint32Array, at: number): number {
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = keys.subarray(at, at + 4);
    const number = this.#queue.keys.find(k0, k1, k2, k3);
    return number !== 0 && isLive(this.#queue.table.state(number)) ? number : 0;
  }

  async #lookUpSeen({ groups, waits }: NamedLinks): Promise<void> {
    const { dependencies } = this.#queue;
    const all = new Uint8Array(groups.buffer, groups.byteOffset, groups.byteLength);
    const unknown = groupsOf(waits, groups.length / 4).filter(
      (group) => findNode(dependencies, groups, group) === 0 && !this.#seen.has(hashText(all, group)),
    );
    if (unknown.length === 0) return;
    const hashes = hashesOf(groups, unknown);
    const marks = await this.#of.tasks.seen(hashes);
    marks.forEach((mark, i) => {
      this.#seen.set(hashText(hashes, i), mark === 1);
    });
  }

  // ------------------------------------------------------------ links

  async #linkWaits({ first, links, waits, singles }: Part, unseen: Set<string>): Promise<void> {
    const names = Buffer.from(links.names).toString().split('\0');
    await this.#eachJob(waits, (job, group) => {
      if (this.#groupState(links.groups, group) === 'unseen') unseen.add(names[group] ?? '');
      this.#graph.addWait(first + job, this.#graph.group(links.groups, group));
    });
    await this.#eachJob(singles, (job, parent) => {
      const queued = this.#queued(links.keys, 4 * parent);
      // One in the queue that waits for nothing of this input closes no cycle.
      const number = queued === 0 ? this.#claims.find(links.keys, 4 * parent) : this.#copies.get(queued);
      if (number !== undefined && number !== 0) this.#graph.addSingleWait(first + job, number);
    });
  }

  async #eachJob(runs: Uint32Array, visit: (job: number, shared: number) => void): Promise<void> {
    let steps = 0;
    for (let at = 0; at < runs.length; at += RUN) {
      const end = (runs[at] as number) + (runs[at + 1] as number);
      for (let job = runs[at] as number; job < end; job += 1) {
        visit(job, runs[at + 2] as number);
        steps += 1;
        if (steps % STEP === 0) await this.#slices.pause();
      }
    }
    await this.#slices.pause();
  }

  // ------------------------------------------------------------ the queue

  /** Copies the jobs of the queue that wait for groups which would gain members, and those that wait for these. */
  async #copyWaiters(): Promise<void> {
    const { dependencies } = this.#queue;
    /** Nodes of the queue, each with the job that it stands for, or 0. */
    const open: [node: number, owner: number][] = [];
    const visited = new Set<number>();
    const visit = (node: number, owner: number): void => {
      if (node !== 0 && !visited.has(node)) open.push([node, owner]);
      visited.add(node);
    };
    for (const { links } of this.#parts)
      for (const group of groupsOf(links.members, links.groups.length / 4))
        visit(findNode(dependencies, links.groups, group), 0);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [node, owner] = next;
      for (const waiter of [...dependencies.waitersOf(node)]) {
        if (owner === 0) this.#graph.addWait(this.#copyOf(waiter), this.#groupLike(node));
        else this.#graph.addSingleWait(this.#copyOf(waiter), this.#copyOf(owner));
        const own = dependencies.ownNode(waiter);
        visit(own, waiter);
        for (const group of dependencies.nodesOf(waiter)) if (group !== own) visit(group, 0);
      }
      await this.#slices.pause();
    }
  }

  /** A job of the queue in the graph, with the groups it is a member of. */
  #copyOf(number: number): number {
    const known = this.#copies.get(number);
    if (known !== undefined) return known;
    const { table } = this.#claims;
    const copy = table.allocate(1);
    table.chunkFor(copy);
    this.#copies.set(number, copy);
    this.#originals.set(copy, number);
    const { dependencies } = this.#queue;
    const own = dependencies.ownNode(number);
    for (const node of dependencies.nodesOf(number))
      if (node !== own) this.#graph.addMember(copy, this.#groupLike(node), null);
    return copy;
  }

  /** The group of the graph that is one of the queue's. */
  #groupLike(node: number): number {
    return this.#graph.group(new Uint32Array(this.#queue.dependencies.nodes.hash(node).buffer), 0);
  }

  // ------------------------------------------------------------ cycles

  async #refuseCycles(): Promise<void> {
    const search = new CycleSearch(this.#graph, this.#starts());
    for (;;) {
      const found = search.step(STEP);
      if (found === 'none') return;
      if (found !== 'searching')
        throw new WrError(
          'DEPENDENCY_CYCLE',
          cycleText(found, (number) => this.#command(number)),
        );
      await this.#slices.pause();
    }
  }

  /** A cycle leads through a new command that waits and is waited for. */
  *#starts(): Iterable<number> {
    const { table } = this.#claims;
    for (const { first, count } of this.#parts) {
      for (let job = first; job < first + count; job += 1) {
        const flags = table.chunkOf(job)?.flags[rowOf(job)] ?? 0;
        if ((flags & JOB_FLAG.waits) !== 0 && (flags & (JOB_FLAG.member | JOB_FLAG.parent)) !== 0) yield job;
      }
    }
  }

  #command(number: number): string {
    const original = this.#originals.get(number);
    if (original !== undefined) return queuedCommand(original, this.#queue, this.#of.store);
    const part = this.#parts.find(({ first, count }) => number >= first && number < first + count);
    const at = part?.positions[number - part.first];
    if (part === undefined || at === undefined) return 'a command of the input'; // It was named by its id alone.
    if (part.segment !== null) return commandText(new Segment(part.segment), at);
    return `the command of line ${part.lines?.[at] ?? 0}`;
  }
}

function findNode({ nodes }: Dependencies, groups: Uint32Array, group: number): number {
  const [h0 = 0, h1 = 0, h2 = 0, h3 = 0] = groups.subarray(4 * group, 4 * group + 4);
  return nodes.find(h0, h1, h2, h3);
}
