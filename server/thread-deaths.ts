/**
 * What becomes of worker threads that die at no task: they hold nothing, so that one is replaced and told of, and the manager
 * goes on. Where they die again and again, or none is left to do what is asked, it ends rather than let others wait for ever.
 */
import type { WrError } from '../core/errors.ts';
import type { Clock } from './clock.ts';
import { asDefect, stackOf } from './defects.ts';
import type { Log } from './log.ts';
import type { ThreadDied } from './pools.ts';

/** So many within this time are no accident. */
const DEATHS_MAX = 3;
const WITHIN_MS = 60_000;

export class ThreadDeaths {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #log: Pick<Log, 'error'>;
  readonly #onFatal: (error: WrError) => void;
  #deathsMs: number[] = [];

  constructor(clock: Pick<Clock, 'monotonicMs'>, log: Pick<Log, 'error'>, onFatal: (error: WrError) => void) {
    this.#clock = clock;
    this.#log = log;
    this.#onFatal = onFatal;
  }

  readonly died: ThreadDied = (cause, left) => {
    const nowMs = this.#clock.monotonicMs();
    this.#deathsMs = [...this.#deathsMs.filter((deathMs) => nowMs - deathMs < WITHIN_MS), nowMs];
    if (left === 0) this.#onFatal(asDefect('a worker thread died, and no other is left', cause));
    else if (this.#deathsMs.length >= DEATHS_MAX)
      this.#onFatal(asDefect('worker threads die again and again', cause));
    else
      this.#log.error('a worker thread died; others go on with its work', {
        error: asDefect('an exception that nothing caught', cause).message,
        stack: stackOf(cause),
      });
  };
}
