/** Status: counts and summaries from the counters, listings from a worker, page by page as fast as the reader reads. */

import type { GroupSummary, StateCounts } from '../core/client-replies.ts';
import type { StatusRequest } from '../core/client-requests.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { liveJobs } from '../core/live-job.ts';
import { PAGE_WINDOW } from '../core/protocol.ts';
import { spread } from '../core/rep-groups.ts';
import { INCOMPLETE_MASK, INCOMPLETE_STATES, type JobState, STATE, stateMask } from '../core/states.ts';
import type { ListingScope } from '../workers/listing.ts';
import type { BuriedResult, Cursor } from '../workers/query.ts';
import type { Summaries } from '../workers/summaries.ts';
import type { Clock } from './clock.ts';
import type { Peer } from './peer.ts';
import type { Selection } from './selection.ts';
import type { Tasks } from './tasks.ts';

const STATES = [...INCOMPLETE_STATES, 'complete'] as const satisfies readonly JobState[];

/** Output of running jobs is left out of the later pages of a long listing, as that of failed ones is. */
const LIVE_OUTPUT_JOBS_MAX = 1_000;

/** Complete jobs whose times are read, at 5 µs each, before the first of them is shown: where a few are, or all. */
const ORDERED_FEW_MAX = 30_000;
const ORDERED_ALL_MAX = 200_000;
const ALL_STATES = 0xffff;

/** A listing under way to a client. */
interface Listing {
  readonly peer: Peer;
  /** Pages that may still be sent. */
  credit: number;
  /** Goes on when there is credit again. */
  resume: (() => void) | undefined;
}

export class Listings {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #selection: Selection;
  readonly #clock: Clock;
  readonly #under = new Map<string, Listing>();

  constructor(queue: JobQueue, tasks: Tasks, selection: Selection, clock: Clock) {
    this.#queue = queue;
    this.#tasks = tasks;
    this.#selection = selection;
    this.#clock = clock;
  }

  async status(peer: Peer, request: StatusRequest): Promise<void> {
    if (request.output === 'counts' && isCounted(request)) {
      peer.post({ type: 'counts', id: request.id, counts: this.#counts(request) });
    } else if (request.output === 'counts') {
      peer.post({ type: 'counts', id: request.id, counts: await this.#countSelected(request) });
    } else if (request.output === 'summary') {
      await this.#summary(peer, request);
    } else await this.#pages(peer, request, request.output);
  }

  more(peer: Peer, of: number, pages: number): void {
    const listing = this.#under.get(`${peer.id} ${of}`);
    if (listing === undefined) return;
    listing.credit += pages;
    listing.resume?.();
  }

  closed(peer: Peer): void {
    for (const listing of this.#under.values()) if (listing.peer === peer) listing.resume?.();
  }

  // ------------------------------------------------------------ counters

  #counts({ select, states }: StatusRequest): StateCounts {
    const mask = wantedMask(states);
    if (select.by === 'all') {
      const { totals } = this.#queue.repGroups;
      return countsOf((state) => (isIn(mask, state) ? (totals[state] ?? 0) : 0));
    }
    return this.#sum(this.#selection.groups(select), mask);
  }

  #sum(groups: readonly number[], mask = ALL_STATES): StateCounts {
    const { repGroups } = this.#queue;
    const tallies = repGroups.talliesOf(groups);
    return countsOf((state) =>
      isIn(mask, state) ? tallies.reduce((sum, id) => sum + repGroups.count(id, state), 0) : 0,
    );
  }

  async #countSelected(request: StatusRequest): Promise<StateCounts> {
    if (request.host !== '') return (await this.#summaries(request)).all.counts;
    const scope = await this.#scope(request);
    const numbers = await this.#tasks.select(scope, this.#queue.table.snapshot());
    const counts = new Map<number, number>();
    for (const number of numbers) {
      const state = this.#queue.table.state(number) || STATE.complete;
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return countsOf((state) => counts.get(state) ?? 0);
  }

  async #summary(peer: Peer, request: StatusRequest): Promise<void> {
    if (!isCounted(request)) {
      const { groups, all } = await this.#summaries(request);
      peer.post({ type: 'summary', id: request.id, groups, all });
      return;
    }
    const groups = this.#selection.groups(request.select);
    const mask = wantedMask(request.states);
    const buried = isIn(mask, STATE.buried) ? await this.#buried(request) : [];
    const shown = groups
      .filter((id) => this.#hasJobs(id, request.select.by === 'repGroup', mask))
      .map((id) => this.#groupSummary([id], this.#queue.repGroups.name(id), buried, mask))
      .sort((a, b) => (a.repGroup < b.repGroup ? -1 : 1));
    const ids = shown.map((group) => this.#queue.repGroups.find(group.repGroup) as number);
    peer.post({
      type: 'summary',
      id: request.id,
      groups: shown,
      all: this.#groupSummary(ids, 'all above', [], mask),
    });
  }

  /** Of jobs that no counter knows of: each is read. */
  async #summaries(request: StatusRequest): Promise<Summaries> {
    const scope = { ...(await this.#scope(request)), host: request.host };
    return this.#tasks.summaries(scope, this.#queue.table.snapshot());
  }

  #hasJobs(id: number, complete: boolean, mask: number): boolean {
    const counts = this.#sum([id], mask);
    return STATES.some((state) => (complete || state !== 'complete') && counts[state] > 0);
  }

  async #buried(request: StatusRequest): Promise<readonly BuriedResult[]> {
    if ((this.#queue.repGroups.totals[STATE.buried] ?? 0) === 0) return [];
    const scope = await this.#selection.scope(request.select, 1 << STATE.buried);
    return this.#tasks.buried(scope, this.#queue.table.snapshot());
  }

  #groupSummary(
    groups: readonly number[],
    repGroup: string,
    buried: readonly BuriedResult[],
    mask: number,
  ): GroupSummary {
    const { repGroups } = this.#queue;
    const ids = isIn(mask, STATE.complete) ? repGroups.talliesOf(groups) : [];
    const sum = (of: Parameters<typeof repGroups.sum>[1]): number =>
      ids.reduce((total, id) => total + repGroups.sum(id, of), 0);
    const jobs = sum('jobs');
    const starts = ids.map((id) => repGroups.sum(id, 'firstStartMs')).filter((ms) => ms > 0);
    return {
      repGroup,
      counts: this.#sum(groups, mask),
      memoryMb: spread(jobs, sum('memory'), sum('memorySquares')),
      diskMb: spread(jobs, sum('disk'), sum('diskSquares')),
      wallMs: spread(jobs, sum('wall'), sum('wallSquares')),
      cpuMs: spread(jobs, sum('cpu'), sum('cpuSquares')),
      firstStartMs: starts.reduce((first, ms) => Math.min(first, ms), starts[0] ?? 0),
      lastEndMs: ids.reduce((last, id) => Math.max(last, repGroups.sum(id, 'lastEndMs')), 0),
      buried: buried
        .filter((kind) => kind.repGroup === repGroup)
        .map(({ exitCode, reason, keys }) => ({ exitCode, reason, keys })),
    };
  }

  // ------------------------------------------------------------ pages

  async #pages(peer: Peer, request: StatusRequest, output: 'plain' | 'jobs' | 'json'): Promise<void> {
    const scope = await this.#ordered(request, await this.#scope(request));
    const complete = this.#sum(this.#selection.groups(request.select)).complete;
    const name = `${peer.id} ${request.id}`;
    const listing: Listing = { peer, credit: PAGE_WINDOW, resume: undefined };
    this.#under.set(name, listing);
    try {
      let cursor: Cursor | null = { phase: 0, number: 0, shown: 0 };
      while (cursor !== null && peer.open) {
        const { id, limit, env, host } = request;
        const nowMs = this.#clock.nowMs();
        const table = this.#queue.table.snapshot();
        const result = await this.#tasks.page({
          scope,
          table,
          id,
          output,
          limit,
          env,
          host,
          nowMs,
          cursor,
          complete,
        });
        this.#postLive(peer, id, result.held, cursor.shown < LIVE_OUTPUT_JOBS_MAX);
        peer.postFrame(result.frame);
        cursor = result.next;
        listing.credit -= 1;
        if (listing.credit === 0 && cursor !== null && peer.open) {
          await new Promise<void>((resolve) => (listing.resume = resolve));
          listing.resume = undefined;
        }
      }
    } finally {
      this.#under.delete(name);
    }
  }

  /** What runs is told of before its page, which a worker made without knowing. */
  #postLive(peer: Peer, id: number, held: readonly number[], output: boolean): void {
    const { attempts, table } = this.#queue;
    const jobs = held.length === 0 ? [] : liveJobs(held, attempts, (number) => table.keyHex(number), output);
    if (jobs.length > 0) peer.post({ type: 'live', id, jobs });
  }

  async #scope(request: StatusRequest): Promise<ListingScope> {
    if (request.recentMs !== undefined) return this.#recent(request.recentMs);
    const scope = await this.#selection.scope(request.select, this.#mask(request));
    return request.missingDeps === true ? { ...scope, missingDeps: true } : scope;
  }

  /** Complete jobs of report groups are shown by start and end, unless there are too many to be read first. */
  async #ordered(request: StatusRequest, scope: ListingScope): Promise<ListingScope> {
    if (scope.repGroups === null || !isIn(scope.mask, STATE.complete)) return scope;
    const { complete } = this.#sum(scope.repGroups.map(({ id }) => id));
    if (complete < 2 || complete > (request.limit > 0 ? ORDERED_FEW_MAX : ORDERED_ALL_MAX)) return scope;
    return { ...scope, ordered: shared(await this.#tasks.endedOrder(scope, this.#queue.table.snapshot())) };
  }

  async #recent(recentMs: number): Promise<ListingScope> {
    const endedSinceMs = this.#clock.nowMs() - recentMs;
    const numbers = await this.#tasks.recent(endedSinceMs, this.#queue.table.end);
    return { repGroups: null, numbers: shared(numbers), mask: 1 << STATE.complete, endedSinceMs };
  }

  #mask({ states, select, missingDeps }: StatusRequest): number {
    if (states.length > 0 || missingDeps === true) return stateMask(states);
    return select.by === 'all' ? INCOMPLETE_MASK : INCOMPLETE_MASK | (1 << STATE.complete);
  }
}

function isIn(mask: number, state: number): boolean {
  return (mask & (1 << state)) !== 0;
}

/** No states named: all. */
function wantedMask(states: readonly JobState[]): number {
  return states.length === 0 ? ALL_STATES : stateMask(states);
}

/** The counters answer it. */
function isCounted(request: StatusRequest): boolean {
  return request.host === '' && request.missingDeps !== true && !isByNumber(request);
}

/** Single commands are meant, of which no counter knows. */
function isByNumber({ select: { by }, recentMs }: StatusRequest): boolean {
  return by === 'keys' || by === 'bsub' || recentMs !== undefined;
}

/** In memory that the workers see too, as each page is asked for with all of them. */
function shared(numbers: Uint32Array): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(numbers.byteLength));
  copy.set(numbers);
  return copy;
}

/** @param count - by state code */
export function countsOf(count: (state: number) => number): StateCounts {
  return Object.fromEntries(STATES.map((state) => [state, count(STATE[state])])) as unknown as StateCounts;
}
