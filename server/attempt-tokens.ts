/**
 * Attempt tokens: numbers that are never given out twice, also not after a crash. Many are set aside on disk at a time, and
 * a start begins past all of those.
 */
import { counterWrite } from '../store/layout.ts';
import type { Persist } from './persist.ts';

const TOKEN_LEASE = 1_000_000;

export class AttemptTokens {
  readonly #persist: Persist;
  #next = 1;
  #leased = 1;

  constructor(persist: Persist) {
    this.#persist = persist;
  }

  /** @param next - the first that was never set aside */
  startAt(next: number): void {
    this.#next = next;
    this.#leased = next;
  }

  /** The lease is on disk with the reservation that the token is for, or before. */
  take(): number {
    if (this.#next >= this.#leased) {
      this.#leased = this.#next + TOKEN_LEASE;
      this.#persist.add(counterWrite('nextAttempt', this.#leased));
    }
    const token = this.#next;
    this.#next += 1;
    return token;
  }
}
