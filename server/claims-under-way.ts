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
import { holds } from './linked-part.ts';

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
  readonly #adds = new Set<ClaimingAdd>();
  /** Ends when nobody claims anew. */
  #turns: Promise<void> = Promise.resolve();

  constructor(table: Pick<JobTable, 'state'>) {
    this.#table = table;
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
   * Waits until the other adds, jobs of which this one has taken for duplicates of its own, are on disk.
   * @returns false when its claims are to be taken back and made anew
   */
  async settled(add: ClaimingAdd): Promise<boolean> {
    const pending = add.claims.flatMap((claim) => claim.pending);
    if (pending.length === 0) return true;
    for (const other of [...this.#adds]) {
      // Others may have ended while one was waited for.
      if (other === add || !this.#adds.has(other) || !pending.some((number) => other.holds(number))) continue;
      if (waitsFor(other, add)) return false;
      add.waitsFor = other;
      await other.released();
      add.waitsFor = undefined;
    }
    return pending.every((number) => this.#table.state(number) !== STATE.none);
  }
}

/** Whether one add waits for another, be it by way of others. */
function waitsFor(add: ClaimingAdd, other: ClaimingAdd): boolean {
  for (let next = add.waitsFor; next !== undefined; next = next.waitsFor) if (next === other) return true;
  return false;
}
