/** What the manager has to be told, kept until it says that it has it on disk (runner.md §3.8). */
import type { RunnerEvent } from '../../core/runner-messages.ts';

/** Events of one report. */
export const REPORT_EVENTS_MAX = 512;
/** Bytes of output in one report, well below the largest frame. */
export const REPORT_BYTES_MAX = 2 * 1024 * 1024;
/** An end that could not be told for so long is given up. */
export const REPORT_MS_MAX = 24 * 3_600_000;

interface Kept {
  readonly event: RunnerEvent;
  readonly sinceMs: number;
}

export class Reporter {
  #pending: Kept[] = [];
  #underWay: Kept[] = [];
  /** Attempts that have ended or been given back, and are not acknowledged. */
  readonly #over = new Set<number>();

  get waiting(): boolean {
    return this.#pending.length > 0;
  }

  /** One report at a time: what happens meanwhile goes with the next. */
  get busy(): boolean {
    return this.#underWay.length > 0;
  }

  get empty(): boolean {
    return this.#pending.length === 0 && this.#underWay.length === 0;
  }

  /** Attempts whose end is not acknowledged. */
  get over(): ReadonlySet<number> {
    return this.#over;
  }

  add(event: RunnerEvent, nowMs: number): void {
    if (event.event !== 'started') this.#over.add(event.attempt);
    this.#pending.push({ event, sinceMs: nowMs });
  }

  /** The next report. The end of an attempt says all that its start does. */
  take(): readonly RunnerEvent[] {
    let bytes = 0;
    let count = 0;
    for (const { event } of this.#pending) {
      if (count >= REPORT_EVENTS_MAX || bytes > REPORT_BYTES_MAX) break;
      if (event.event === 'ended') bytes += event.stdout.length + event.stderr.length;
      count += 1;
    }
    this.#underWay = this.#pending
      .splice(0, count)
      .filter(({ event }) => event.event !== 'started' || !this.#over.has(event.attempt));
    return this.#underWay.map(({ event }) => event);
  }

  /** Whose event stands at that place of the report under way; 0: there is none. */
  told(at: number): number {
    return this.#underWay[at]?.event.attempt ?? 0;
  }

  acknowledged(): void {
    for (const { event } of this.#underWay) if (event.event !== 'started') this.#over.delete(event.attempt);
    this.#underWay = [];
  }

  /** The report did not arrive, or nobody knows: it is told again. */
  failed(): void {
    this.#pending = [...this.#underWay, ...this.#pending];
    this.#underWay = [];
  }

  /** What is no concern of the manager's any more. */
  forget(attempts: readonly number[]): void {
    const gone = new Set(attempts);
    this.#pending = this.#pending.filter(({ event }) => !gone.has(event.attempt));
    for (const attempt of attempts) this.#over.delete(attempt);
  }

  /** Drops what is too old. @returns attempts whose end the manager will never hear of */
  expire(nowMs: number): readonly number[] {
    const old = this.#pending
      .filter(({ sinceMs }) => nowMs - sinceMs > REPORT_MS_MAX)
      .map(({ event }) => event.attempt);
    if (old.length > 0) this.forget(old);
    return old;
  }
}
