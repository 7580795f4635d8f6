/**
 * No scheduler: nothing is started. For runners that someone starts by hand, on this machine or others, and for measuring
 * the manager with simulated ones.
 */
import type { Capacity, Scheduler } from './scheduler.ts';

const ignore = (): void => undefined;

export class NoScheduler implements Scheduler {
  readonly name = 'none';
  readonly capacity: Capacity = { cpus: Number.POSITIVE_INFINITY, memoryMb: Number.POSITIVE_INFINITY };

  canEverRun(): boolean {
    return true;
  }

  readonly schedule = ignore;
  readonly runnerConnected = ignore;
  readonly runnerGone = ignore;
  readonly tidy = ignore;

  busy(): boolean {
    return false;
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }
}
