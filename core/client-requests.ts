/** What clients ask of the manager; {@link ./protocol.ts} says how messages travel. */
import type { JobOptions } from './job-options.ts';
import type {
  BackupRequest,
  ModifyRequest,
  ResumeRequest,
  SteerRequest,
  SuspendRequest,
} from './protocol-control.ts';
import type { Selector } from './selector.ts';
import type { JobState } from './states.ts';

export interface PingRequest {
  readonly type: 'ping';
  readonly id: number;
}

/** Opens an add. Frames follow, then `addEnd`, whose answer is the add's answer. */
export interface AddBegin {
  readonly type: 'addBegin';
  readonly id: number;
  readonly requestId: string;
  /** What a line that says nothing gets. */
  readonly defaults: JobOptions;
  /** The captured environment as `KEY=value` entries, NUL-separated, if any. Its MD5 becomes `envId`. */
  readonly env?: Uint8Array;
  /** Run again what completed before. */
  readonly rerun: boolean;
  /** Stop after so many commands; 0: all. */
  readonly head: number;
  /** Answer with the keys of the jobs now in the queue, in input order. */
  readonly wantKeys: boolean;
  /** Only try: answer what would be added, and queue nothing. */
  readonly dryRun?: {
    /** Commands whose meaning is answered in `dryPage`s; 0: all. */ readonly show: number;
  };
}

export interface AddFrame {
  readonly type: 'addFrame';
  readonly requestId: string;
  /** From 0, rising by one. */
  readonly seq: number;
  /** Whole lines, unless `more`. */
  readonly bytes: Uint8Array;
  /** The last line goes on in the next frame. */
  readonly more?: boolean;
}

export interface AddEnd {
  readonly type: 'addEnd';
  readonly id: number;
  readonly requestId: string;
  readonly frames: number;
}

export interface StatusRequest {
  readonly type: 'status';
  readonly id: number;
  readonly select: Selector;
  /** `json`: jobs as text, where `limit` is 0. */
  readonly output: 'counts' | 'summary' | 'plain' | 'jobs' | 'json';
  /** Only these states; empty: every state the selector implies (all: incomplete ones). */
  readonly states: readonly JobState[];
  /** Also those that wait for a dependency group never seen; with no states, only these. */
  readonly missingDeps?: boolean;
  /** Jobs shown per group of equal state, exit code and fail reason; 0: all, ungrouped. */
  readonly limit: number;
  readonly env: boolean;
  /** With `select` of all: complete jobs that ended within so many ms. */
  readonly recentMs?: number;
  /** Keep only jobs of this host name, id or IP; '': all. */
  readonly host: string;
}

/** Lets the manager send so many further pages of the listing asked for with `of`. */
export interface MoreRequest {
  readonly type: 'more';
  readonly of: number;
  readonly pages: number;
}

export interface KillRequest {
  readonly type: 'kill';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
  /** Only lost jobs: confirms them dead. */
  readonly confirmDead: boolean;
  /** Only jobs running (or lost) for at least so long; 0: all. */
  readonly ageMs: number;
}

export interface RetryRequest {
  readonly type: 'retry';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
}

export interface RemoveRequest {
  readonly type: 'remove';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
  readonly buriedOnly: boolean;
}

/** Answered once the job is complete, buried or removed: by the subscription, never by polling. */
export interface SettleRequest {
  readonly type: 'settle';
  readonly id: number;
  /** 16 bytes. */
  readonly key: Uint8Array;
}

/** Shows limits of limit groups, or sets one first. */
export interface LimitRequest {
  readonly type: 'limit';
  readonly id: number;
  /** '': all that have a limit. */
  readonly group: string;
  /** `null`: as it is; −1: none; else so many may run at once. */
  readonly limit: number | null;
}

/** Asks why a job is not running, or what became of it. */
export interface ExplainRequest {
  readonly type: 'explain';
  readonly id: number;
  /** 16 bytes. */
  readonly key: Uint8Array;
}

/** Answered with `watched` now, and again whenever the counts have changed, until the connection ends. */
export interface WatchRequest {
  readonly type: 'watch';
  readonly id: number;
  readonly select: Selector;
  /** Not more often than this. */
  readonly everyMs: number;
}

export interface ManagerStatusRequest {
  readonly type: 'managerStatus';
  readonly id: number;
}

export interface ShutdownRequest {
  readonly type: 'shutdown';
  readonly id: number;
}

export type ClientRequest =
  | PingRequest
  | AddBegin
  | AddFrame
  | AddEnd
  | StatusRequest
  | MoreRequest
  | KillRequest
  | RetryRequest
  | RemoveRequest
  | SettleRequest
  | LimitRequest
  | WatchRequest
  | SuspendRequest
  | ResumeRequest
  | ModifyRequest
  | SteerRequest
  | BackupRequest
  | ExplainRequest
  | ManagerStatusRequest
  | ShutdownRequest;
