/** Gives jobs that wait other dependencies, in place of all they had: for `wr mod`. */
import { asWords } from '../core/claims.ts';
import { CycleSearch } from '../core/cycles.ts';
import type { LinkColumns, NamedLinks } from '../core/dependency-links.ts';
import { RUN } from '../core/dependency-links.ts';
import { NODE } from '../core/dependency-nodes.ts';
import { WrError } from '../core/errors.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { LinkBuilder } from '../core/link-builder.ts';
import { isLive } from '../core/states.ts';
import { linksWrite, readLinks, unseenWrite } from '../store/dependency-tables.ts';
import type { KeyValueReader, Write } from '../store/key-value.ts';
import { type Clock, Slices } from './clock.ts';
import { cycleText, queuedCommand } from './cycle-text.ts';
import type { Tasks } from './tasks.ts';

const STEP = 2_048;
const NO_WORDS = new Uint32Array(0);
const NO_LINKS: LinkColumns = { groups: NO_WORDS, members: NO_WORDS, waits: NO_WORDS, singles: NO_WORDS };

export interface RelinkParts {
  readonly queue: JobQueue;
  readonly store: KeyValueReader;
  readonly tasks: Tasks;
  readonly clock: Clock;
}

/** What jobs are to wait for. */
interface Targets {
  /** Hashes of groups, 16 bytes each, and their nodes. */
  readonly hashes: Uint8Array;
  readonly nodes: readonly number[];
  /** Jobs in the queue. */
  readonly parents: readonly number[];
  /** Names of groups that nothing was ever added to. */
  readonly unseen: readonly string[];
}

export interface Relinked {
  /** Links of the segments concerned, by first job number: each is to go to disk with what else is changed of its jobs. */
  readonly links: ReadonlyMap<number, LinksOf>;
  /** What must be written with the first of them. */
  readonly marks: readonly Write[];
  readonly unseen: readonly string[];
  /** Lets a job wait for what it had to wait for before; its links are not to be written. */
  readonly undo: (number: number) => void;
}

/** The links of a segment but for jobs that are left as they were. */
export type LinksOf = (left: ReadonlySet<number>) => Write;

export const NOT_RELINKED: Relinked = { links: new Map(), marks: [], unseen: [], undo: () => undefined };

/**
 * The caller pins the nodes of dependencies meanwhile.
 * @param numbers - ascending; none is held by a runner
 * @throws {WrError} DEPENDENCY_CYCLE naming commands: nothing was changed
 */
export async function relink(
  parts: RelinkParts,
  numbers: readonly number[],
  { deps = [], cmdDeps = [] }: Partial<Pick<JobOptions, 'deps' | 'cmdDeps'>>,
): Promise<Relinked> {
  const builder = new LinkBuilder();
  builder.add(0, 1, { depGroups: [], deps, cmdDeps });
  const targets = await targetsOf(parts, builder.take());
  const { queue, clock } = parts;
  const before = new Map<number, readonly number[]>();
  const slices = new Slices(clock);
  for (const [i, number] of numbers.entries()) {
    before.set(number, [...queue.dependencies.waitsOf(number)]);
    queue.dependencies.forgetWaits(number);
    for (const node of targets.nodes) queue.dependencies.addWait(number, node);
    for (const parent of targets.parents) queue.dependencies.addSingleWait(number, parent);
    if (i % STEP === STEP - 1) await slices.pause();
  }
  await refuseCycles(parts, numbers, before, slices);
  for (const number of numbers) queue.reconsider(number);
  return {
    links: linksOf(parts, numbers, targets),
    marks: marksOf(parts, targets),
    unseen: targets.unseen,
    // No circle comes of it: whoever waits for what reaches this job would have made one with what it was to wait for.
    undo: (number) => {
      if (!before.has(number)) return;
      putBack(queue, number, before);
      queue.reconsider(number);
    },
  };
}

function putBack(
  { dependencies }: JobQueue,
  number: number,
  before: ReadonlyMap<number, readonly number[]>,
): void {
  dependencies.forgetWaits(number);
  for (const node of before.get(number) ?? []) dependencies.addWait(number, node);
}

async function targetsOf({ queue, tasks }: RelinkParts, named: NamedLinks | null): Promise<Targets> {
  if (named === null) return { hashes: new Uint8Array(0), nodes: [], parents: [], unseen: [] };
  const hashes = new Uint8Array(named.groups.slice().buffer);
  const seen = await tasks.seen(hashes);
  const nodes = Array.from(seen, (mark, group) => {
    const { dependencies } = queue;
    const { size } = dependencies.nodes;
    const node = dependencies.group(named.groups, group);
    if (dependencies.nodes.size > size && mark === 1) dependencies.nodes.mark(node, NODE.seen | NODE.saved);
    return node;
  });
  const parents: number[] = [];
  for (let at = 0; at < named.keys.length; at += 4) {
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = named.keys.subarray(at, at + 4);
    const number = queue.keys.find(k0, k1, k2, k3);
    if (number !== 0 && isLive(queue.table.state(number))) parents.push(number);
  }
  const names = Buffer.from(named.names).toString().split('\0');
  const isUnseen = (_: string, group: number): boolean =>
    nodes[group] !== undefined && !queue.dependencies.nodes.is(nodes[group], NODE.seen);
  return { hashes, nodes, parents, unseen: names.filter(isUnseen) };
}

async function refuseCycles(
  { queue, store }: RelinkParts,
  numbers: readonly number[],
  before: ReadonlyMap<number, readonly number[]>,
  slices: Slices,
): Promise<void> {
  const { dependencies } = queue;
  const search = new CycleSearch(dependencies, numbers);
  for (;;) {
    const found = search.step(STEP);
    if (found === 'none') return;
    if (found !== 'searching') {
      for (const number of before.keys()) putBack(queue, number, before);
      throw new WrError(
        'DEPENDENCY_CYCLE',
        cycleText(found, (job) => queuedCommand(job, queue, store)),
      );
    }
    await slices.pause();
  }
}

/** The links of the segments concerned, without what these jobs waited for and with what they wait for now. */
function linksOf(
  { queue, store }: RelinkParts,
  numbers: readonly number[],
  targets: Targets,
): Map<number, LinksOf> {
  const writes = new Map<number, LinksOf>();
  for (let at = 0; at < numbers.length; ) {
    const entry = queue.segments.find(numbers[at] as number);
    if (entry === undefined) {
      at += 1;
      continue;
    }
    const { first, count } = entry;
    const own: number[] = [];
    for (; at < numbers.length && (numbers[at] as number) < first + count; at += 1)
      own.push(numbers[at] as number);
    writes.set(first, (left) => {
      const places = new Set(own.filter((number) => !left.has(number)).map((number) => number - first));
      return linksWrite(first, merged(readLinks(store, first) ?? NO_LINKS, places, targets));
    });
  }
  return writes;
}

function marksOf({ queue }: RelinkParts, targets: Targets): Write[] {
  const { nodes } = queue.dependencies;
  const unseen = targets.nodes.filter((node) => !nodes.is(node, NODE.seen));
  return unseen.map((node) => unseenWrite(nodes.hash(node), true));
}

function merged(links: LinkColumns, own: ReadonlySet<number>, { hashes, parents }: Targets): LinkColumns {
  const first = links.groups.length / 4;
  const groups = hashes.byteLength / 16;
  const jobs = [...own];
  const runs = (shared: readonly number[]): number[] =>
    jobs.flatMap((job) => shared.flatMap((one) => [job, 1, one]));
  return {
    groups: Uint32Array.from([...links.groups, ...asWords(hashes)]),
    members: links.members,
    waits: Uint32Array.from([
      ...without(links.waits, own),
      ...runs(Array.from({ length: groups }, (_, i) => first + i)),
    ]),
    singles: Uint32Array.from([...without(links.singles, own), ...runs(parents)]),
  };
}

/** Runs without some jobs. */
function without(runs: Uint32Array, own: ReadonlySet<number>): number[] {
  const kept: number[] = [];
  for (let at = 0; at < runs.length; at += RUN) {
    const [from = 0, count = 0, shared = 0] = runs.subarray(at, at + RUN);
    let start = from;
    for (let job = from; job < from + count; job += 1) {
      if (!own.has(job)) continue;
      if (job > start) kept.push(start, job - start, shared);
      start = job + 1;
    }
    if (from + count > start) kept.push(start, from + count - start, shared);
  }
  return kept;
}
