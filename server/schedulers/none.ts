/**
 * No scheduler: nothing is started. For runners that someone starts by hand, on this machine or others, and for measuring
 * the manager with simulated ones.
 */
import type { Capacity, Scheduler } from './scheduler.ts';

export class NoScheduler implements Scheduler {
  readonly name = 'none';
  readonly capacity: Capacity = { cpus: Number.POSITIVE_INFINITY, memoryMb: Number.POSITIVE_INFINITY };

  canEverRun(): boolean {
    return true;
  }

  schedule(): void {}

  runnerConnected(): void {}

  runnerGone(): void {}

  busy(): boolean {
    return false;
  }

  async cleanup(): Promise<void> {}
}
