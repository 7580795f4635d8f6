/**
 * Forgets answers to adds that nobody will ask for again, a few at a time while the manager runs: a start does not read them
 * (docs/decisions/0018-how-long-answers-are-remembered.md).
 */
import type { KeyValueReader } from '../store/key-value.ts';
import { forgetRequestsWrites } from '../store/request-tables.ts';
import type { Clock } from './clock.ts';
import type { Persist } from './persist.ts';

/** An answer is remembered at least so long, by the wall clock, as it outlives restarts. */
const KEPT_MS = 24 * 3_600_000;
/** So many are remembered however old they are: also by a clock that was set forward. */
const KEPT_MIN = 1_000;
/** Forgotten in one step. Each is a page of the table somewhere else, which goes to disk with the results of runners. */
const STEP = 64;
/** Between two looks, once a look found fewer than a step. */
const LOOK_EVERY_MS = 60_000;

export class OldAnswers {
  readonly #store: KeyValueReader;
  readonly #persist: Persist;
  readonly #clock: Clock;
  #nextLookMs = 0;
  #underWay = false;

  constructor(options: { readonly store: KeyValueReader; readonly persist: Persist; readonly clock: Clock }) {
    this.#store = options.store;
    this.#persist = options.persist;
    this.#clock = options.clock;
  }

  /** Called now and then. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#underWay || nowMs < this.#nextLookMs) return;
    const max = Math.min(STEP, this.#store.count('answered') - KEPT_MIN);
    const writes = max <= 0 ? [] : forgetRequestsWrites(this.#store, this.#clock.nowMs() - KEPT_MS, max);
    if (writes.length < 2 * STEP) this.#nextLookMs = nowMs + LOOK_EVERY_MS;
    if (writes.length === 0) return;
    for (const write of writes) this.#persist.add(write);
    this.#underWay = true;
    this.#persist.after(() => {
      this.#underWay = false;
    });
  }
}
