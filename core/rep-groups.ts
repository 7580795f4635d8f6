/**
 * Report groups: names, how many of their jobs are in which state, and running sums over the complete ones, so that
 * counts and summaries are answered without looking at a job.
 */
import { STATE, STATE_COUNT } from './states.ts';

/** Sums over the complete jobs of a group, from which means and deviations follow. */
const SUMS = [
  'jobs',
  'memory',
  'memorySquares',
  'disk',
  'diskSquares',
  'wall',
  'wallSquares',
  'cpu',
  'cpuSquares',
  'firstStartMs',
  'lastEndMs',
] as const;
type Sum = (typeof SUMS)[number];

/** What one completion adds. */
export interface CompletedUsage {
  readonly peakRamMb: number;
  readonly peakDiskMb: number;
  readonly cpuMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

export class RepGroups {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];
  #counts = new Uint32Array(16 * STATE_COUNT);
  #sums = new Float64Array(16 * SUMS.length);
  /** Changes of state so far: while it stays, so does every count. */
  moves = 0;
  /** Over all groups, by state. */
  readonly totals = new Float64Array(STATE_COUNT);
  /** Groups whose sums changed since they were last written. */
  readonly changed = new Set<number>();

  get size(): number {
    return this.#names.length;
  }

  /** The id of a name, given now if it is new. */
  intern(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#names.length;
    this.#put(id, name);
    this.changed.add(id);
    return id;
  }

  #put(id: number, name: string): void {
    this.#ids.set(name, id);
    this.#names[id] = name;
    while ((id + 1) * STATE_COUNT > this.#counts.length) this.#grow();
  }

  /** The id of a known name, or `undefined`. */
  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  name(id: number): string {
    return this.#names[id] ?? '';
  }

  /** Ids of the groups whose name contains `text`. */
  search(text: string): number[] {
    const ids: number[] = [];
    this.#names.forEach((name, id) => {
      if (name.includes(text)) ids.push(id);
    });
    return ids;
  }

  move(id: number, from: number, to: number, jobs = 1): void {
    const at = id * STATE_COUNT;
    this.moves += 1;
    if (from !== STATE.none) {
      (this.#counts[at + from] as number) -= jobs;
      (this.totals[from] as number) -= jobs;
    }
    (this.#counts[at + to] as number) += jobs;
    (this.totals[to] as number) += jobs;
  }

  count(id: number, state: number): number {
    return this.#counts[id * STATE_COUNT + state] ?? 0;
  }

  recordCompletion(id: number, usage: CompletedUsage): void {
    // A start that nobody saw is no start in 1970.
    const startedMs = usage.startedMs === 0 ? usage.endedMs : usage.startedMs;
    const wall = Math.max(0, usage.endedMs - startedMs);
    this.#add(id, 'jobs', 1);
    this.#add(id, 'memory', usage.peakRamMb);
    this.#add(id, 'memorySquares', usage.peakRamMb ** 2);
    this.#add(id, 'disk', usage.peakDiskMb);
    this.#add(id, 'diskSquares', usage.peakDiskMb ** 2);
    this.#add(id, 'wall', wall);
    this.#add(id, 'wallSquares', wall ** 2);
    this.#add(id, 'cpu', usage.cpuMs);
    this.#add(id, 'cpuSquares', usage.cpuMs ** 2);
    const at = id * SUMS.length;
    const first = this.#sums[at + SUMS.indexOf('firstStartMs')] as number;
    if (first === 0 || startedMs < first) this.#sums[at + SUMS.indexOf('firstStartMs')] = startedMs;
    const last = this.#sums[at + SUMS.indexOf('lastEndMs')] as number;
    if (usage.endedMs > last) this.#sums[at + SUMS.indexOf('lastEndMs')] = usage.endedMs;
    this.changed.add(id);
  }

  /** Complete jobs count no longer, or (negative) again: their commands are in the queue. */
  uncount(id: number, jobs: number): void {
    (this.#counts[id * STATE_COUNT + STATE.complete] as number) -= jobs;
    (this.totals[STATE.complete] as number) -= jobs;
    this.changed.add(id);
  }

  /** Takes a completion out of the sums; of first start and last end it cannot be told whose they were. */
  withdrawCompletion(id: number, usage: CompletedUsage): void {
    const startedMs = usage.startedMs === 0 ? usage.endedMs : usage.startedMs;
    const wall = Math.max(0, usage.endedMs - startedMs);
    this.#add(id, 'jobs', -1);
    this.#add(id, 'memory', -usage.peakRamMb);
    this.#add(id, 'memorySquares', -(usage.peakRamMb ** 2));
    this.#add(id, 'disk', -usage.peakDiskMb);
    this.#add(id, 'diskSquares', -(usage.peakDiskMb ** 2));
    this.#add(id, 'wall', -wall);
    this.#add(id, 'wallSquares', -(wall ** 2));
    this.#add(id, 'cpu', -usage.cpuMs);
    this.#add(id, 'cpuSquares', -(usage.cpuMs ** 2));
    this.changed.add(id);
  }

  sum(id: number, of: Sum): number {
    return this.#sums[id * SUMS.length + SUMS.indexOf(of)] ?? 0;
  }

  /** What is written of a group: its number of complete jobs and its sums. */
  save(id: number): { readonly name: string; readonly complete: number; readonly sums: readonly number[] } {
    const at = id * SUMS.length;
    return {
      name: this.name(id),
      complete: this.count(id, STATE.complete),
      sums: Array.from(this.#sums.subarray(at, at + SUMS.length)),
    };
  }

  /** Takes back what `save` wrote. */
  restore(
    id: number,
    saved: {
      readonly name: string;
      readonly complete: number;
      readonly sums: readonly number[];
    },
  ): void {
    this.#put(id, saved.name);
    this.move(id, STATE.none, STATE.complete, saved.complete);
    this.#sums.set(saved.sums, id * SUMS.length);
    this.changed.delete(id);
  }

  #add(id: number, sum: Sum, value: number): void {
    (this.#sums[id * SUMS.length + SUMS.indexOf(sum)] as number) += value;
  }

  #grow(): void {
    const counts = new Uint32Array(this.#counts.length * 2);
    counts.set(this.#counts);
    this.#counts = counts;
    const sums = new Float64Array(this.#sums.length * 2);
    sums.set(this.#sums);
    this.#sums = sums;
  }
}

/** Mean and sample standard deviation from a sum and a sum of squares. */
export function spread(
  jobs: number,
  sum: number,
  squares: number,
): { readonly mean: number; readonly sd: number } {
  if (jobs === 0) return { mean: 0, sd: 0 };
  const mean = sum / jobs;
  const variance = jobs < 2 ? 0 : Math.max(0, (squares - jobs * mean ** 2) / (jobs - 1));
  return { mean, sd: Math.sqrt(variance) };
}
