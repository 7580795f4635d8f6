import type { Moment } from '../core/moment.ts';

/** Time and chance as the manager sees them, so that tests and simulations decide both. */
export interface Clock {
  /** Unix ms: what users see, and what is stored. */
  nowMs(): number;
  /** Monotonic ms, for lengths of time: nobody sets it, and it stands still while the machine sleeps. */
  monotonicMs(): number;
  /** Calls back once after so long; the returned function calls it off. */
  after(delayMs: number, callback: () => void): () => void;
  /** Resolves in the next turn of the event loop, after what is waiting has had its turn. */
  turn(): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

/** This moment, by both clocks. */
export function momentOf(clock: Clock): Moment {
  return { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
}

/** The machine's clock; timers do not keep the process alive. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
  random: () => Math.random(),
};

/** Runs long work in slices: `pause()` gives way to others once a slice has taken its time. */
export class Slices {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #startedMs: number;

  constructor(clock: Clock, sliceMs = 4) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#startedMs = clock.monotonicMs();
  }

  /** Resolves at once while the slice lasts. */
  async pause(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#startedMs < this.#sliceMs) return;
    await this.#clock.turn();
    this.#startedMs = this.#clock.monotonicMs();
  }
}
