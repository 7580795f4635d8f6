/** What the manager asks of a scheduler back end (spec: schedulers.md §1.3). One file a scheduler implements it. */

/** Runners wanted for one scheduler group. */
export interface Demand {
  readonly group: string;
  /** Running and waiting together; 0 drops what waits. */
  readonly count: number;
  readonly priority: number;
  readonly memoryMb: number;
  readonly cpus: number;
  readonly timeMs: number;
  readonly other: Readonly<Record<string, string>>;
}

export interface Capacity {
  /** Infinity: no limit of its own. */
  readonly cpus: number;
  readonly memoryMb: number;
}

export interface Scheduler {
  readonly name: string;
  readonly capacity: Capacity;
  /** Whether a job of these requirements can ever run. */
  canEverRun(demand: Omit<Demand, 'count' | 'priority' | 'group'>): boolean;
  /** Arranges that so many runners per group are scheduled; called again whenever the numbers change. */
  schedule(demands: readonly Demand[]): void;
  /** A runner of this machine, started by us or by an earlier manager, connected or went away. */
  runnerConnected(pid: number): void;
  runnerGone(pid: number): void;
  /** A runner of this machine was killed, or may have been: what it left is to be seen to, be there more to run or not. */
  tidy(): void;
  /** True while anything it started is waiting or running. */
  busy(): boolean;
  /** Ends what waits; what runs is left alone. */
  cleanup(): Promise<void>;
}
