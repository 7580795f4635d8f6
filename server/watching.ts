/**
 * Clients that watch: told the counts of what they selected when these changed, a few times a second at most, and not
 * before what is told is on disk.
 *
 * Report groups are counted already. Jobs named by key are looked at one by one, in slices, and only after something moved.
 */

import type { ManagerStatusReply, WatchedReply } from '../core/client-replies.ts';
import type { WatchRequest } from '../core/client-requests.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { ALL_STATES, STATE, STATE_COUNT } from '../core/states.ts';
import { type Clock, Slices } from './clock.ts';
import { countsOf } from './group-sums.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import type { Selection } from './selection.ts';

const EVERY_MS_MIN = 100;
const EVERY_MS_MAX = 60_000;
/** Jobs looked at between two looks at the clock. */
const STEP = 16_384;
/** Tallies added up between two looks at the clock, and how often anew when jobs came to be counted elsewhere meanwhile. */
const TALLY_STEP = 1_024;
const TRIES_MAX = 100;
/** Nobody is told more while he has so much to read. */
const PEER_BUFFER_BYTES = 256 * 1024;

interface Watcher {
  readonly peer: Peer;
  readonly request: WatchRequest;
  /** Ascending; `null`: it watches report groups. */
  readonly numbers: Uint32Array | null;
  /** By position in `numbers`: 1 for a job that was removed. */
  readonly gone: Uint8Array;
  /** Keys that nobody knows. */
  readonly missing: number;
  /** Jobs removed since it began. */
  removed: number;
  /** Of its report groups, removed before it began. */
  readonly removedBefore: number;
  /** What may have changed, as it was when last looked at. */
  seen: string;
  /** What was told last, as text. */
  told: string;
  cancel: () => void;
}

export class Watching {
  readonly #queue: JobQueue;
  readonly #selection: Selection;
  readonly #persist: Persist;
  readonly #clock: Clock;
  readonly #mode: () => ManagerStatusReply['mode'];
  readonly #watchers = new Set<Watcher>();

  constructor(options: {
    readonly queue: JobQueue;
    readonly selection: Selection;
    readonly persist: Persist;
    readonly clock: Clock;
    readonly mode: () => ManagerStatusReply['mode'];
  }) {
    this.#queue = options.queue;
    this.#selection = options.selection;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#mode = options.mode;
  }

  async watch(peer: Peer, request: WatchRequest): Promise<void> {
    const { select } = request;
    const isByNumber = select.by === 'keys' || select.by === 'bsub';
    const found = isByNumber ? await this.#selection.scope(select, ALL_STATES) : null;
    const numbers = found?.numbers?.slice().sort() ?? null;
    const asked = select.by === 'keys' ? select.keys.byteLength / 16 : 0;
    const watcher: Watcher = {
      peer,
      request,
      numbers,
      gone: new Uint8Array(numbers?.length ?? 0),
      missing: asked - (numbers?.length ?? asked),
      removed: 0,
      removedBefore: numbers === null ? removedOf(await this.#groupCounts(request)) : 0,
      seen: '',
      told: '',
      cancel: () => undefined,
    };
    if (!peer.open) return;
    this.#watchers.add(watcher);
    await this.#look(watcher);
  }

  /** These jobs were written as complete, buried or removed; their rows are still there. */
  settled(numbers: readonly number[]): void {
    for (const watcher of this.#watchers) {
      if (watcher.numbers === null) continue;
      for (const number of numbers) {
        if (this.#queue.table.state(number) !== STATE.removed) continue;
        const at = indexOf(watcher.numbers, number);
        if (at < 0 || watcher.gone[at] === 1) continue;
        watcher.gone[at] = 1;
        watcher.removed += 1;
      }
    }
  }

  closed(peer: Peer): void {
    for (const watcher of this.#watchers) {
      if (watcher.peer !== peer) continue;
      watcher.cancel();
      this.#watchers.delete(watcher);
    }
  }

  async #look(watcher: Watcher): Promise<void> {
    const seen = `${this.#queue.repGroups.moves} ${this.#mode()} ${this.#isIdle()}`;
    if (seen !== watcher.seen && watcher.peer.bufferedBytes <= PEER_BUFFER_BYTES) {
      watcher.seen = seen;
      await this.#tell(watcher);
    }
    if (!this.#watchers.has(watcher)) return;
    const everyMs = Math.min(EVERY_MS_MAX, Math.max(EVERY_MS_MIN, watcher.request.everyMs));
    watcher.cancel = this.#clock.after(everyMs, () => void this.#look(watcher));
  }

  async #tell(watcher: Watcher): Promise<void> {
    const { numbers, missing, request } = watcher;
    const counts =
      numbers === null ? await this.#groupCounts(request) : await this.#jobCounts(watcher, numbers);
    const removed = numbers === null ? removedOf(counts) - watcher.removedBefore : watcher.removed;
    const reply: WatchedReply = {
      type: 'watched',
      id: request.id,
      counts: countsOf((state) => counts[state] ?? 0),
      removed: Math.max(0, removed),
      missing,
      idle: this.#isIdle(),
      mode: this.#mode(),
    };
    const text = JSON.stringify(reply);
    if (text === watcher.told) return;
    watcher.told = text;
    // What was counted is on disk when it is told: it cannot be taken back by a crash.
    await this.#persist.flushed();
    watcher.peer.post(reply);
  }

  async #jobCounts({ gone }: Watcher, numbers: Uint32Array): Promise<Float64Array> {
    const counts = new Float64Array(STATE_COUNT);
    const slices = new Slices(this.#clock);
    for (let from = 0; from < numbers.length; from += STEP) {
      for (let i = from; i < Math.min(numbers.length, from + STEP); i += 1) {
        // Archived jobs have no row.
        const state = this.#queue.table.state(numbers[i] as number) || STATE.complete;
        if (gone[i] === 0) (counts[state] as number) += 1;
      }
      await slices.pause();
    }
    return counts;
  }

  /** By state. A job that was counted in two tallies, or in none, would let somebody wait for too long, or not for long enough. */
  async #groupCounts({ select }: WatchRequest): Promise<Float64Array> {
    const { repGroups } = this.#queue;
    if (select.by === 'all') return repGroups.totals.slice();
    const slices = new Slices(this.#clock);
    for (let tries = 1; ; tries += 1) {
      const { shifts } = repGroups;
      const counts = new Float64Array(STATE_COUNT);
      for (const [i, tally] of repGroups.talliesOf(this.#selection.groups(select)).entries()) {
        if (i > 0 && i % TALLY_STEP === 0) await slices.pause();
        for (let state = 0; state < STATE_COUNT; state += 1)
          (counts[state] as number) += repGroups.count(tally, state);
      }
      if (repGroups.shifts === shifts || tries === TRIES_MAX) return counts;
    }
  }

  /** Nothing in the whole queue runs, nor will by itself: what is ready is in limit groups of which none may run. */
  #isIdle(): boolean {
    const { repGroups, groups } = this.#queue;
    const moving = [STATE.delayed, STATE.reserved, STATE.running, STATE.lost];
    if (moving.some((state) => (repGroups.totals[state] ?? 0) > 0)) return false;
    for (const { limits } of groups.active) if (limits.every(({ limit }) => limit !== 0)) return false;
    return true;
  }
}

function removedOf(counts: Float64Array): number {
  return counts[STATE.removed] ?? 0;
}

/** Where a number stands among ascending ones; −1: nowhere. */
function indexOf(numbers: Uint32Array, number: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === number ? low : -1;
}
