/** What complete jobs used, added up for one line of a summary: from the counters of report groups, or job by job. */
import type { GroupSummary } from './client-replies.ts';
import { spread } from './rep-groups.ts';

const USED = ['memory', 'disk', 'wall', 'cpu'] as const;
type Used = (typeof USED)[number];

/** MB and ms, or their squares. */
type Figures = (used: Used) => number;

export class UsageSums {
  readonly #sums: Record<Used, number> = { memory: 0, disk: 0, wall: 0, cpu: 0 };
  readonly #squares: Record<Used, number> = { memory: 0, disk: 0, wall: 0, cpu: 0 };
  #jobs = 0;
  #firstStartMs = 0;
  #lastEndMs = 0;

  add(jobs: number, sums: Figures, squares: Figures): void {
    this.#jobs += jobs;
    for (const used of USED) {
      this.#sums[used] += sums(used);
      this.#squares[used] += squares(used);
    }
  }

  /** Unix ms; a start of 0 is not known. */
  addTimes(startMs: number, endMs: number): void {
    if (startMs > 0 && (this.#firstStartMs === 0 || startMs < this.#firstStartMs))
      this.#firstStartMs = startMs;
    this.#lastEndMs = Math.max(this.#lastEndMs, endMs);
  }

  summary(): Pick<GroupSummary, 'memoryMb' | 'diskMb' | 'wallMs' | 'cpuMs' | 'firstStartMs' | 'lastEndMs'> {
    const of = (used: Used) => spread(this.#jobs, this.#sums[used], this.#squares[used]);
    return {
      memoryMb: of('memory'),
      diskMb: of('disk'),
      wallMs: of('wall'),
      cpuMs: of('cpu'),
      firstStartMs: this.#firstStartMs,
      lastEndMs: this.#lastEndMs,
    };
  }
}
