/** Status: counts and summaries from the counters ({@link Counted}), listings from a worker, page by page as fast as the reader reads. */

import type { StateCounts } from '../core/client-replies.ts';
import type { StatusRequest } from '../core/client-requests.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { liveJobs } from '../core/live-job.ts';
import { PAGE_WINDOW } from '../core/protocol.ts';
import { INCOMPLETE_MASK, STATE, stateMask } from '../core/states.ts';
import type { ListingScope } from '../workers/listing.ts';
import type { Cursor, PageResult } from '../workers/query.ts';
import type { Summaries } from '../workers/summaries.ts';
import type { Clock } from './clock.ts';
import { Counted } from './counted.ts';
import { countsOf, isIn } from './group-sums.ts';
import type { Peer } from './peer.ts';
import type { Selection } from './selection.ts';
import type { Tasks } from './tasks.ts';

/** Output of running jobs is left out of the later pages of a long listing, as that of failed ones is. */
const LIVE_OUTPUT_JOBS_MAX = 1_000;

/** Complete jobs whose times are read, at 5 µs each, before the first of them is shown: where a few are, or all. */
const ORDERED_FEW_MAX = 30_000;
const ORDERED_ALL_MAX = 200_000;

/** A listing under way to a client. */
interface Listing {
  readonly peer: Peer;
  /** Pages that may still be sent. */
  credit: number;
  /** Goes on when there is credit again. */
  resume: (() => void) | undefined;
}

/** A page that a worker makes. */
interface Asked {
  /** Jobs on the pages before it. */
  readonly shown: number;
  readonly page: Promise<PageResult>;
}

export class Listings {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #selection: Selection;
  readonly #clock: Clock;
  readonly #counted: Counted;
  readonly #under = new Map<string, Listing>();

  constructor(queue: JobQueue, tasks: Tasks, selection: Selection, clock: Clock) {
    this.#queue = queue;
    this.#tasks = tasks;
    this.#selection = selection;
    this.#clock = clock;
    this.#counted = new Counted(queue, tasks, selection, clock);
  }

  async status(peer: Peer, request: StatusRequest): Promise<void> {
    const { id, output } = request;
    if (output === 'counts') {
      const counts = isCounted(request)
        ? await this.#counted.counts(request)
        : await this.#countSelected(request);
      peer.post({ type: 'counts', id, counts });
    } else if (output === 'summary') {
      if (isCounted(request)) await this.#counted.summary(peer, request);
      else peer.post({ type: 'summary', id, ...(await this.#summaries(request)) });
    } else await this.#pages(peer, request, output);
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

  // ------------------------------------------------------------ jobs that no counter knows of

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

  /** Of jobs that no counter knows of: each is read. */
  async #summaries(request: StatusRequest): Promise<Summaries> {
    const scope = { ...(await this.#scope(request)), host: request.host };
    return this.#tasks.summaries(scope, this.#queue.table.snapshot());
  }

  // ------------------------------------------------------------ pages

  async #pages(peer: Peer, request: StatusRequest, output: 'plain' | 'jobs' | 'json'): Promise<void> {
    const complete = await this.#counted.complete(request.select);
    const scope = await this.#ordered(request, await this.#scope(request), complete);
    const name = `${peer.id} ${request.id}`;
    const listing: Listing = { peer, credit: PAGE_WINDOW, resume: undefined };
    this.#under.set(name, listing);
    const ask = (cursor: Cursor): Asked => {
      const { id, limit, env, host } = request;
      const nowMs = this.#clock.nowMs();
      const table = this.#queue.table.snapshot();
      const question = { scope, table, id, output, limit, env, host, nowMs, cursor, complete };
      return { shown: cursor.shown, page: this.#tasks.page(question) };
    };
    try {
      let asked: Asked | null = ask({ phase: 0, number: 0, shown: 0 });
      while (asked !== null && peer.open) {
        const { held, frame, next }: PageResult = await asked.page;
        const { shown } = asked;
        listing.credit -= 1;
        // A worker is at the next one while this one is sent.
        asked = next === null || listing.credit === 0 ? null : ask(next);
        this.#postLive(peer, request.id, held, shown < LIVE_OUTPUT_JOBS_MAX);
        peer.postFrame(frame);
        if (next === null || asked !== null || !peer.open) continue;
        await new Promise<void>((resolve) => (listing.resume = resolve));
        listing.resume = undefined;
        asked = ask(next);
      }
      // Of a peer that left, nobody waits for the page under way.
      asked?.page.catch(() => undefined);
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
  async #ordered(request: StatusRequest, scope: ListingScope, complete: number): Promise<ListingScope> {
    if (scope.repGroups === null || !isIn(scope.mask, STATE.complete)) return scope;
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
