/**
 * What the counters answer: counts and summaries of report groups, without a look at any job. There may be a hundred thousand
 * groups, and each may be asked about: so it is done in slices, and told in parts.
 */
import type { GroupSummary, StateCounts } from '../core/client-replies.ts';
import type { StatusRequest } from '../core/client-requests.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Selector } from '../core/selector.ts';
import { ALL_STATES, type JobState, STATE, stateMask } from '../core/states.ts';
import type { BuriedResult } from '../workers/query.ts';
import { type Clock, Slices } from './clock.ts';
import { countsOf, GroupSums, isIn } from './group-sums.ts';
import { drained, type Peer } from './peer.ts';
import type { Selection } from './selection.ts';
import type { Tasks } from './tasks.ts';

/** Groups between two looks at the clock. */
const STEP = 256;
/** Lines of a summary sent together. */
const PART_GROUPS = 256;

export class Counted {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #selection: Selection;
  readonly #clock: Clock;

  constructor(queue: JobQueue, tasks: Tasks, selection: Selection, clock: Clock) {
    this.#queue = queue;
    this.#tasks = tasks;
    this.#selection = selection;
    this.#clock = clock;
  }

  async counts({ select, states }: StatusRequest): Promise<StateCounts> {
    const mask = wantedMask(states);
    const { totals } = this.#queue.repGroups;
    if (select.by === 'all') return countsOf((state) => (isIn(mask, state) ? (totals[state] ?? 0) : 0));
    return (await this.#count(select, mask)).counts();
  }

  /** Complete jobs of report groups; of all where none are named. */
  async complete(select: Selector): Promise<number> {
    if (select.by !== 'repGroup') return this.#queue.repGroups.totals[STATE.complete] ?? 0;
    return (await this.#count(select, 1 << STATE.complete)).counts().complete;
  }

  async #count(select: Selector, mask: number): Promise<GroupSums> {
    const { repGroups } = this.#queue;
    const sums = new GroupSums(repGroups, mask);
    const slices = new Slices(this.#clock);
    for (const [i, tally] of repGroups.talliesOf(this.#selection.groups(select)).entries()) {
      sums.count(tally);
      if (i % STEP === STEP - 1) await slices.pause();
    }
    return sums;
  }

  async summary(peer: Peer, { id, select, states }: StatusRequest): Promise<void> {
    const { repGroups } = this.#queue;
    const mask = wantedMask(states);
    const buried = isIn(mask, STATE.buried) ? await this.#buried(select) : new Map();
    const all = new GroupSums(repGroups, mask);
    const sets = new Set<number>();
    const slices = new Slices(this.#clock);
    let part: GroupSummary[] = [];
    for (const [i, group] of this.#selection.groups(select).entries()) {
      const tallies = repGroups.talliesOf([group]);
      const sums = new GroupSums(repGroups, mask);
      for (const tally of tallies) sums.add(tally);
      if (!sums.isEmpty(select.by === 'repGroup')) {
        const name = repGroups.name(group);
        part.push(sums.summary(name, buried.get(name) ?? []));
        // A set belongs to several groups, and counts once.
        for (const tally of tallies) if (tally === group || !sets.has(tally)) all.add(tally);
        for (const tally of tallies) if (tally !== group) sets.add(tally);
      }
      if (part.length === PART_GROUPS) {
        peer.post({ type: 'summaryPart', id, groups: part });
        part = [];
        await drained(peer, this.#clock);
        if (!peer.open) return;
      }
      if (i % STEP === STEP - 1) await slices.pause();
    }
    peer.post({ type: 'summary', id, groups: part, all: all.summary('all above', []) });
  }

  /** Kinds of burial, by report group. */
  async #buried(select: Selector): Promise<Map<string, GroupSummary['buried'][number][]>> {
    const byGroup = new Map<string, GroupSummary['buried'][number][]>();
    if ((this.#queue.repGroups.totals[STATE.buried] ?? 0) === 0) return byGroup;
    const scope = await this.#selection.scope(select, 1 << STATE.buried);
    for (const kind of await this.#tasks.buried(scope, this.#queue.table.snapshot())) add(byGroup, kind);
    return byGroup;
  }
}

function add(
  byGroup: Map<string, GroupSummary['buried'][number][]>,
  { repGroup, exitCode, reason, keys }: BuriedResult,
): void {
  const kinds = byGroup.get(repGroup);
  if (kinds === undefined) byGroup.set(repGroup, [{ exitCode, reason, keys }]);
  else kinds.push({ exitCode, reason, keys });
}

/** No states named: all. */
function wantedMask(states: readonly JobState[]): number {
  return states.length === 0 ? ALL_STATES : stateMask(states);
}
