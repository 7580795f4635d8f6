/**
 * Adds that have claimed keys and are not on disk yet. What an add takes for a duplicate of a job of such an add is in the
 * queue only when the other has succeeded: it waits for that before it goes to disk itself, so that its answer is true, and
 * what is stored of it too. If the other has failed, the commands are its own after all.
 *
 * Two that have commands of each other would wait for ever: whoever would close the circle takes its claims back. Whoever did so
 * claims anew when its turn comes, and has the turn until it has ended, or several could chase each other for ever.
 *
 * ```
 * claimed ─► nothing of others, or all of it on disk ─► commit ─► ended
 *    ▲            │ another has failed, taken its claims back, or waits for this one
 *    └── turn ◄───┘ claims taken back
 * ```
 */
import type { Claim } from '../core/claims.ts';
import type { JobTable } from '../core/job-table.ts';
import { STATE } from '../core/states.ts';
import { type Clock, Slices } from './clock.ts';
import { holds } from './linked-part.ts';

/** Claims are to be taken back and made anew: thrown by whoever finds it, and not an error. */
export const STALE = Symbol('stale claims');

/** One add that is claiming or writing. */
export class ClaimingAdd {
  readonly claims: Claim[] = [];
  /** Claims of complete jobs that run again with it. */
  reruns: readonly { readonly claim: Claim }[] = [];
  /** Whose claims it waits for. */
  waitsFor: ClaimingAdd | undefined;
  /** Ends its turn to claim anew, if it has it. */
  endTurn: (() => void) | undefined;
  #onReleased: (() => void)[] = [];

  holds(number: number): boolean {
    const isWithin = (claim: Claim): boolean => holds(claim, number);
    return this.claims.some(isWithin) || this.reruns.some(({ claim }) => isWithin(claim));
  }

  /** Resolves when its claims were taken back, or it has ended. */
  released(): Promise<void> {
    return new Promise((resolve) => this.#onReleased.push(resolve));
  }

  release(): void {
    for (const resolve of this.#onReleased.splice(0)) resolve();
  }
}

export class ClaimsUnderWay {
  readonly #table: Pick<JobTable, 'state'>;
  readonly #clock: Clock;
  readonly #adds = new Set<ClaimingAdd>();
  /** Ends when nobody claims anew. */
  #turns: Promise<void> = Promise.resolve();

  constructor(table: Pick<JobTable, 'state'>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  enter(): ClaimingAdd {
    const add = new ClaimingAdd();
    this.#adds.add(add);
    return add;
  }

  leave(add: ClaimingAdd): void {
    this.#adds.delete(add);
    add.release();
    add.endTurn?.();
  }

  /** The claims of an add were taken back. @returns resolves when it may claim anew */
  async again(add: ClaimingAdd): Promise<void> {
    add.release();
    if (add.endTurn !== undefined) return;
    const before = this.#turns;
    this.#turns = new Promise((resolve) => {
      add.endTurn = resolve;
    });
    await before;
  }

  /**
   * Waits until what an add has taken for duplicates is on disk.
   * @returns false when some of it will not be, or waits for this add: its claims are to be taken back and made anew
   */
  async settled(add: ClaimingAdd): Promise<boolean> {
    const slices = new Slices(this.#clock);
    for (const { pending } of [...add.claims, ...add.reruns.map(({ claim }) => claim)]) {
      for (const number of pending) {
        if (!this.#isOpen(number)) continue;
        const other = this.#holderOf(number);
        if (other === undefined || waitsFor(other, add)) return false;
        add.waitsFor = other;
        await other.released();
        add.waitsFor = undefined;
        if (this.#isOpen(number)) return false;
      }
      await slices.pause();
    }
    return true;
  }

  /** It is not on disk. */
  #isOpen(number: number): boolean {
    return this.#table.state(number) === STATE.none;
  }

  #holderOf(number: number): ClaimingAdd | undefined {
    for (const add of this.#adds) if (add.holds(number)) return add;
    return undefined;
  }
}

/** Whether one add waits for another, be it by way of others. */
function waitsFor(add: ClaimingAdd, other: ClaimingAdd): boolean {
  for (let next = add.waitsFor; next !== undefined; next = next.waitsFor) if (next === other) return true;
  return false;
}
