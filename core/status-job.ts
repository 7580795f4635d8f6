import type { Source } from './figures.ts';

/** Where a figure that a job is given comes from. */
export interface FigureFrom {
  /** What its user asked for, the default for want of that, learned from past runs, or grown after an attempt ran out. */
  readonly From: Source;
  /** What its user asked for, or the default. */
  readonly Asked: number;
  /** Runs of its ReqGroup that were learned from. */
  readonly Runs: number;
}

/**
 * A job as users see it (jobs.md §23 with since-0.36.md §4.2): the member names, order and units of `status -o json`, REST
 * and the page. `Started`, `Ended` and `Ready` are Unix seconds (the rulings); what has finer times stands under `wr`.
 */
export interface StatusJob {
  readonly LimitGroups: readonly string[] | null;
  readonly DepGroups: readonly string[] | null;
  readonly Modules: readonly string[] | null;
  readonly Dependencies: readonly string[] | null;
  readonly WaitingForDepGroups: readonly string[] | null;
  /** `key:value` strings, `[]` when none. */
  readonly OtherRequests: readonly string[];
  readonly Env: readonly string[] | null;
  readonly Key: string;
  readonly RepGroup: string;
  readonly ReqGroup: string;
  readonly Cmd: string;
  readonly State: string;
  /** The actual working directory relative to CwdBase, with leading `/`; '' if unknown. */
  readonly Cwd: string;
  readonly CwdBase: string;
  readonly Behaviours: string;
  readonly Mounts: string;
  readonly MonitorDocker: string;
  readonly WithDocker: string;
  readonly WithSingularity: string;
  readonly ContainerMounts: string;
  readonly ContainerImageUser: boolean;
  readonly FailReason: string;
  readonly Host: string;
  readonly HostID: string;
  readonly HostIP: string;
  readonly SSHCommand: string;
  readonly StdErr: string;
  readonly StdOut: string;
  readonly ExpectedRAM: number;
  /** Seconds. */
  readonly ExpectedTime: number;
  readonly RequestedDisk: number;
  readonly EnvOverrides: readonly string[] | null;
  readonly NoRetryOverWalltime: number;
  readonly Override: number;
  readonly Priority: number;
  readonly Retries: number;
  readonly CwdMatters: boolean;
  readonly Cores: number;
  /** Counted resources asked for, `name:n` each. */
  readonly Resources: readonly string[] | null;
  /** The units that a running command has, `name:0,2` each. */
  readonly ResourceIds: readonly string[] | null;
  readonly PeakRAM: number;
  readonly PeakDisk: number;
  readonly Exitcode: number;
  readonly Pid: number;
  /** Seconds. */
  readonly Walltime: number;
  readonly CPUtime: number;
  readonly Started: number | null;
  readonly Ended: number | null;
  readonly Ready: number | null;
  readonly Similar: number;
  readonly Attempts: number;
  readonly HomeChanged: boolean;
  readonly Exited: boolean;
  readonly IsPushUpdate: boolean;
  /** Of ExpectedRAM, ExpectedTime and RequestedDisk, in their units; ours. The job's next attempt gets them; the one under way or the last one did. */
  readonly ExpectedFrom: { readonly RAM: FigureFrom; readonly Time: FigureFrom; readonly Disk: FigureFrom };
  /** Index in an array of commands; `null`: it is of none. */
  readonly ArrayIndex: number | null;
  /** For our own command line only; not printed as JSON. */
  readonly wr?: StatusJobDetail | undefined;
}

/** Finer figures for the details listing. */
export interface StatusJobDetail {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly readyMs: number;
  /** Its report group was stopped after so many burials; 0: it was not. */
  readonly stoppedAfter: number;
  /** LSF job id; 0: it has no bsub mode. */
  readonly bsubId: number;
}
