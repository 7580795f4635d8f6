/**
 * Runners of the manager's own host that went away without a word: whether their processes are gone is looked at at once,
 * so that their commands need not wait for the TTR to be settled, or to be called lost.
 */
import type { IsGone } from '../core/job-losses.ts';
import type { JobQueue } from '../core/job-queue.ts';

export interface GoneRunnersOptions {
  readonly queue: JobQueue;
  readonly ownHost: string;
  readonly isGone: IsGone;
  readonly ttrMs: number;
  readonly isConnected: (runnerId: string) => boolean;
}

export class GoneRunners {
  readonly #options: GoneRunnersOptions;
  /** Process ids, by runner: none of these is connected, and each holds an attempt, as far as was known. */
  readonly #away = new Map<string, number>();

  constructor(options: GoneRunnersOptions) {
    this.#options = options;
  }

  closed({
    runnerId,
    host,
    pid,
  }: {
    readonly runnerId: string;
    readonly host: string;
    readonly pid: number;
  }): void {
    if (host === this.#options.ownHost) this.#away.set(runnerId, pid);
  }

  /** After a restart nobody is connected. */
  recovered(): void {
    for (const { runnerId, host, runnerPid } of this.#options.queue.attempts.all())
      this.closed({ runnerId, host, pid: runnerPid });
  }

  /** Called often, before silence is looked at. */
  tick(monotonicMs: number): void {
    const { queue, ownHost, isGone, ttrMs, isConnected } = this.#options;
    for (const [runnerId, pid] of this.#away) {
      const held = queue.attempts.byRunner(runnerId);
      if (held.size > 0 && !isConnected(runnerId)) {
        const birth = Math.max(...[...held].map(({ runnerBirth }) => runnerBirth));
        if (!isGone(ownHost, pid, birth)) continue;
        queue.forsake(runnerId, monotonicMs - ttrMs);
      }
      this.#away.delete(runnerId);
    }
  }
}
