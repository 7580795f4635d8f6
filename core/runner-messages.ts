/** What runners and the manager say to each other; {@link ./protocol.ts} says how messages travel. */
import type { FailReason } from './fail-reasons.ts';
import type { JobOptions } from './job-options.ts';
import type { ResourceIds } from './resource-names.ts';

/** First message of a runner on a connection; said again, with the same `runnerId`, after a reconnect. */
export interface RunnerHello {
  readonly type: 'hello';
  readonly id: number;
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  readonly pid: number;
  /** When its process began, in the clock ticks of its host; absent where the system does not tell. */
  readonly birth?: number;
  /** The scheduler group it was started for; `null`: it serves whatever `allot` says (local scheduler). */
  readonly group: string | null;
  /** Attempts it still holds: running, or ended and not acknowledged. */
  readonly holding: readonly number[];
}

/** Asks for up to `count` jobs of a scheduler group; answered with none after `waitMs`. */
export interface ReserveRequest {
  readonly type: 'reserve';
  readonly id: number;
  readonly group: string;
  readonly count: number;
  readonly waitMs: number;
}

/** Usage of an attempt as far as it is known. */
export interface Usage {
  readonly peakRamMb: number;
  readonly peakDiskMb: number;
  readonly cpuMs: number;
}

export interface StartedEvent {
  readonly event: 'started';
  readonly attempt: number;
  readonly pid: number;
  /** Unix ms at which the runner started the command. */
  readonly startedMs: number;
  /** The actual working directory. */
  readonly cwd?: string;
}

/** The end of an attempt; said again until it is answered. */
export interface EndedEvent extends Usage {
  readonly event: 'ended';
  readonly attempt: number;
  /** What the runner decided (runner.md §3.7); the manager buries instead when no attempts remain. */
  readonly outcome: 'complete' | 'release' | 'bury';
  /** −1: signalled. */
  readonly exitCode: number;
  readonly reason: FailReason;
  /** 0 when the command never started. */
  readonly pid: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** The actual working directory, '' when there was none. */
  readonly cwd: string;
  /** Head and tail of the output, filtered and trimmed (jobs.md §15); empty after a success. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Gives back a job that was not started; costs no attempt. */
export interface ReleasedEvent {
  readonly event: 'released';
  readonly attempt: number;
  readonly reason: FailReason;
}

export type RunnerEvent = StartedEvent | EndedEvent | ReleasedEvent;

/** Answered when every event of it is on disk, but for those that are refused. */
export interface ReportRequest {
  readonly type: 'report';
  readonly id: number;
  readonly events: readonly RunnerEvent[];
}

export interface TouchedAttempt extends Usage {
  readonly attempt: number;
  /** When its command's process began, in the clock ticks of its host; 0 or absent: not known. */
  readonly birth?: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Sent every 15 s for everything the runner holds. */
export interface TouchRequest {
  readonly type: 'touch';
  readonly id: number;
  readonly attempts: readonly TouchedAttempt[];
}

/** Asks for a captured environment by its id; a runner asks once per content. */
export interface EnvRequest {
  readonly type: 'env';
  readonly id: number;
  readonly envId: string;
}

export type RunnerRequest = RunnerHello | ReserveRequest | ReportRequest | TouchRequest | EnvRequest;

/** What a runner needs of a template; sent once per connection, before or with the first job that uses it: keep it. */
export interface RunTemplate {
  readonly template: number;
  readonly options: JobOptions;
}

/** One attempt handed out. */
export interface JobOrder {
  /** The token of this attempt; never used again. */
  readonly attempt: number;
  readonly key: string;
  readonly cmd: Uint8Array;
  readonly template: number;
  /** What differs from the template, if anything. */
  readonly delta: Partial<JobOptions> | null;
  /** Attempts left after this one. */
  readonly attemptsLeft: number;
  /** Units of counted resources that are its own, by name; absent: none. */
  readonly resources?: ResourceIds;
  /** After learning: what was reserved for it. */
  readonly memoryMb: number;
  readonly timeMs: number;
}

export interface WelcomeReply {
  readonly type: 'welcome';
  readonly id: number;
  readonly ttrMs: number;
  readonly touchMs: number;
  /** Of `holding`: attempts that are not the runner's any more. It stops those that run; ends it still has to tell, it tells. */
  readonly superseded: readonly number[];
}

/** Jobs reserved, on disk as such; none: the wait is over, or the runner should leave (`leave`). */
export interface JobsReply {
  readonly type: 'jobs';
  readonly id: number;
  readonly group: string;
  readonly templates: readonly RunTemplate[];
  readonly jobs: readonly JobOrder[];
  readonly leave: boolean;
  /** Templates that came before are not named any more: the runner need not keep them. */
  readonly fresh?: true;
}

/** Events that are now on disk; `superseded` lists attempts given up earlier, whose report changed nothing. */
export interface ReportedReply {
  readonly type: 'reported';
  readonly id: number;
  readonly superseded: readonly number[];
  /** Events that could not be taken, by their place in the report, and why: saying them again would change nothing. */
  readonly refused?: readonly { readonly at: number; readonly why: string }[];
}

/** Answer to a touch: attempts to kill. */
export interface TouchedReply {
  readonly type: 'touched';
  readonly id: number;
  readonly kill: readonly number[];
}

export interface EnvReply {
  readonly type: 'env';
  readonly id: number;
  readonly envId: string;
  /** `KEY=value` entries, NUL-separated; `null`: unknown. */
  readonly env: Uint8Array | null;
}

/** Pushed: stop these attempts now; each ends as killed by user request. */
export interface KillPush {
  readonly type: 'kill';
  readonly attempts: readonly number[];
}

/** Pushed to a runner without a group: how many slots to serve for which scheduler group from now on. */
export interface AllotPush {
  readonly type: 'allot';
  /** `coming`: so many jobs of it follow in a `jobs` of id 0, without being asked for. */
  readonly slots: readonly { readonly group: string; readonly slots: number; readonly coming?: number }[];
}

/** Pushed: take no more jobs, leave when the last has been reported. */
export interface LeavePush {
  readonly type: 'leave';
}
