/**
 * Report groups: names, how many of their jobs are in which state, and running sums over the complete ones, so that
 * counts and summaries are answered without looking at a job.
 *
 * A job that was run again under another identifier is found under both. It is counted once all the same: in one *tally*, which
 * is its report group for nearly all jobs and a *set* of groups for those. So a group's count is its own tally and those of
 * the sets it is in, and the count of several groups is that of all tallies that have to do with any of them.
 *
 * ```
 * job ──► tally 3: group "a"          count of "a" = tallies 3 + 7
 * job ──► tally 4: group "b"          count of "a" and "b" = tallies 3 + 4 + 7
 * job ──► tally 7: set {3, 4}
 * ```
 */
import { STATE, STATE_COUNT } from './states.ts';
import { Uses } from './uses.ts';

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

/** What is written of a tally. */
export interface SavedTally {
  /** '' of a set. */
  readonly name: string;
  readonly complete: number;
  readonly sums: readonly number[];
  /** Of a set. */
  readonly groups?: readonly number[];
}

interface GroupSet {
  /** Ascending. */
  readonly groups: readonly number[];
  /** When it was last asked for. */
  usedAt: number;
  /** Of its complete jobs, those that do not count while they are run again. */
  withheld: number;
}

/** Report groups that a job is found under: the latest. One that is run again each night under a new name has them all. */
const SET_GROUPS_MAX = 64;

export class RepGroups {
  readonly #ids = new Map<string, number>();
  /** `undefined`: the id is that of a set. */
  readonly #names: (string | undefined)[] = [];
  readonly #uses: Uses;
  readonly #sets = new Map<number, GroupSet>();
  readonly #setIds = new Map<string, number>();
  /** By group: the sets it is in. */
  readonly #setsOf = new Map<number, Set<number>>();
  /** Sets that may have no jobs any more. */
  readonly #spent = new Set<number>();
  /** Sets that were dropped, to be taken off the disk; the owner of the disk empties it. */
  readonly dropped = new Set<number>();
  #counts = new Uint32Array(16 * STATE_COUNT);
  #sums = new Float64Array(16 * SUMS.length);
  /** Changes of state so far: while it stays, so does every count. */
  moves = 0;
  /** Jobs that came to be counted in another tally, so far: while it stays, tallies can be added up one after the other. */
  shifts = 0;
  /** Over all groups, by state. */
  readonly totals = new Float64Array(STATE_COUNT);
  /** Groups whose sums changed since they were last written. */
  readonly changed = new Set<number>();

  constructor(uses = new Uses()) {
    this.#uses = uses;
  }

  /** One past the highest id of a tally. */
  get end(): number {
    return this.#names.length;
  }

  /** Ids of all groups. */
  all(): number[] {
    const ids: number[] = [];
    this.#names.forEach((name, id) => {
      if (name !== undefined) ids.push(id);
    });
    return ids;
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
    this.#growTo(id);
  }

  #growTo(id: number): void {
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
      if (name?.includes(text) === true) ids.push(id);
    });
    return ids;
  }

  /** The tally of jobs that are found under all of these groups, of which `own` is theirs by its name. */
  internSet(own: number, groups: Iterable<number>): number {
    const others = [...new Set(groups)].filter((id) => id !== own).sort((a, b) => a - b);
    const members = [own, ...others.slice(-(SET_GROUPS_MAX - 1))].sort((a, b) => a - b);
    if (members.length === 1) return own;
    const known = this.#setIds.get(members.join());
    const id = known ?? this.#names.length;
    if (known === undefined) {
      this.#putSet(id, members);
      this.changed.add(id);
    }
    (this.#sets.get(id) as GroupSet).usedAt = this.#uses.next();
    this.#spent.add(id);
    return id;
  }

  /** The groups that jobs of a tally are found under. */
  groupsOf(tally: number): readonly number[] {
    return this.#sets.get(tally)?.groups ?? [tally];
  }

  /** The tallies that have to do with any of some groups, each once. */
  talliesOf(groups: readonly number[]): readonly number[] {
    if (this.#sets.size === 0) return groups;
    const tallies = new Set(groups);
    for (const group of groups) for (const set of this.#setsOf.get(group) ?? []) tallies.add(set);
    return [...tallies];
  }

  /** Of {@link talliesOf}, the sets. */
  setsOf(groups: readonly number[]): readonly number[] {
    return this.#sets.size === 0 ? [] : this.talliesOf(groups).filter((tally) => this.#sets.has(tally));
  }

  /** A job in the queue is counted elsewhere from now on. */
  shift(from: number, to: number, state: number): void {
    if (from === to) return;
    this.moves += 1;
    this.shifts += 1;
    (this.#counts[from * STATE_COUNT + state] as number) -= 1;
    (this.#counts[to * STATE_COUNT + state] as number) += 1;
    if (this.#sets.has(from)) this.#spent.add(from);
  }

  /** Sets to be looked at by {@link trim}. */
  get hasSpent(): boolean {
    return this.#spent.size > 0;
  }

  /** Drops up to `max` sets without jobs that nobody has in hand. @returns how many */
  trim(max: number): number {
    const oldest = this.#uses.oldest();
    let dropped = 0;
    for (const id of this.#spent) {
      if (dropped === max) break;
      const set = this.#sets.get(id) as GroupSet;
      if (set.usedAt >= oldest) continue;
      this.#spent.delete(id); // One with jobs is looked at again when it loses one.
      if (set.withheld > 0 || !this.#isEmpty(id)) continue;
      this.#dropSet(id, set);
      dropped += 1;
    }
    return dropped;
  }

  #isEmpty(id: number): boolean {
    for (let state = STATE.none + 1; state < STATE_COUNT; state += 1)
      if (state !== STATE.removed && this.count(id, state) > 0) return false;
    return true;
  }

  #putSet(id: number, groups: readonly number[]): void {
    this.#names[id] = undefined;
    this.#growTo(id);
    this.#sets.set(id, { groups, usedAt: this.#uses.next(), withheld: 0 });
    this.#setIds.set(groups.join(), id);
    for (const group of groups) {
      const sets = this.#setsOf.get(group);
      if (sets === undefined) this.#setsOf.set(group, new Set([id]));
      else sets.add(id);
    }
  }

  #dropSet(id: number, { groups }: GroupSet): void {
    this.#sets.delete(id);
    this.#setIds.delete(groups.join());
    for (const group of groups) {
      const sets = this.#setsOf.get(group);
      sets?.delete(id);
      if (sets?.size === 0) this.#setsOf.delete(group);
    }
    this.changed.delete(id);
    this.dropped.add(id);
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

  /** A complete job is being run again (1), or that is over (−1): until then its tally is kept. */
  withhold(id: number, jobs: number): void {
    const set = this.#sets.get(id);
    if (set === undefined) return;
    set.withheld += jobs;
    this.#spent.add(id);
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
  save(id: number): SavedTally {
    const at = id * SUMS.length;
    const set = this.#sets.get(id);
    return {
      name: this.name(id),
      complete: this.count(id, STATE.complete),
      sums: Array.from(this.#sums.subarray(at, at + SUMS.length)),
      ...(set === undefined ? {} : { groups: set.groups }),
    };
  }

  /** Takes back what `save` wrote. */
  restore(id: number, saved: SavedTally): void {
    if (saved.groups === undefined) this.#put(id, saved.name);
    else {
      this.#putSet(id, saved.groups);
      this.#spent.add(id);
    }
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
