/**
 * Commands of this host that were handed out and whose start was never told, as their runner was killed: some may have been
 * started all the same. They are looked for by their mark before they are handed out again; what is found is lost instead,
 * and settled when it ends.
 */
import { attemptMark } from '../core/attempt-mark.ts';
import type { Attempt } from '../core/attempts.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { FindMarked } from './marked.ts';

/** After a look that failed. */
const AGAIN_MS = 10_000;

export interface NeverToldOptions {
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly find: FindMarked;
  readonly onFound: () => void;
}

export class NeverTold {
  readonly #options: NeverToldOptions;
  /** To be looked for. */
  #asked = new Map<number, Attempt>();
  /** By the last look nothing of them is there. */
  #bare = new Set<number>();
  #looking = false;
  #notBeforeMs = 0;

  constructor(options: NeverToldOptions) {
    this.#options = options;
  }

  /** Whether nothing is there of an attempt whose runner is gone, nor can be any more. Not known at first: it is looked for. */
  readonly isBare = (attempt: Attempt): boolean => {
    if (this.#bare.has(attempt.token)) return true;
    this.#asked.set(attempt.token, attempt);
    return false;
  };

  /** Called often. */
  tick(): void {
    if (this.#asked.size === 0 || this.#looking) return;
    if (this.#options.clock.monotonicMs() >= this.#notBeforeMs) void this.#look();
  }

  async #look(): Promise<void> {
    const { clock, log, find } = this.#options;
    const asked = this.#asked;
    this.#asked = new Map();
    this.#bare = new Set();
    this.#looking = true;
    try {
      const found = await find(new Set([...asked.values()].map(markOf)));
      for (const attempt of asked.values()) {
        const process = found.get(markOf(attempt))?.[0];
        if (process === undefined) this.#bare.add(attempt.token);
        else this.#discover(attempt, process);
      }
    } catch (thrown) {
      this.#notBeforeMs = clock.monotonicMs() + AGAIN_MS;
      log.warn('commands whose start was never told could not be looked for', {
        commands: asked.size,
        error: asWrError(thrown).message,
      });
    } finally {
      this.#looking = false;
    }
  }

  #discover(attempt: Attempt, process: { readonly pid: number; readonly birth: number }): void {
    const { queue, clock, log, onFound } = this.#options;
    if (!queue.discover(attempt.token, process, clock.nowMs())) return;
    log.warn('a command runs whose start was never told, and its runner is gone: it is not started again', {
      key: queue.table.keyHex(attempt.number),
      pid: process.pid,
    });
    onFound();
  }
}

function markOf({ token, runnerId }: Attempt): string {
  return attemptMark(token, runnerId);
}
