/**
 * Sees that what killed runners left is seen to also on a machine where nothing more is to run: any runner does that when it
 * starts, so one is started for it alone. As long as a command outlives its runner nothing can be done: later and later it is
 * looked again.
 */
import type { Clock } from '../clock.ts';
import type { HasLeavings } from './leavings.ts';

const AGAIN_MS_MIN = 60_000;
const AGAIN_MS_MAX = 3_600_000;

export class Tidying {
  readonly #has: HasLeavings;
  readonly #clock: Pick<Clock, 'after'>;
  /** Starts a runner unless there is one, or just now none is to be. @returns whether it did */
  readonly #start: () => boolean;
  #againMs = AGAIN_MS_MIN;
  #looking = false;
  #once = false;
  /** A runner is to be started as soon as one may be. */
  #waits = false;
  #closed = false;
  #cancel: () => void = () => undefined;

  constructor(has: HasLeavings, clock: Pick<Clock, 'after'>, start: () => boolean) {
    this.#has = has;
    this.#clock = clock;
    this.#start = start;
  }

  /** A runner was killed, or may have been. */
  look(): void {
    this.#againMs = AGAIN_MS_MIN;
    void this.#look();
  }

  /** A runner may be started again: one that was there, which may have begun before something was left, has gone. */
  mayStart(): void {
    if (this.#waits) void this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    this.#once = this.#looking;
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    this.#cancel();
    const isLeft = await this.#has();
    this.#looking = false;
    this.#waits = false;
    if (this.#closed) return;
    if (this.#once) return await this.#look();
    if (!isLeft) return;
    this.#waits = !this.#start();
    this.#cancel = this.#clock.after(this.#againMs, () => void this.#look());
    this.#againMs = Math.min(AGAIN_MS_MAX, this.#againMs * 2);
  }
}
