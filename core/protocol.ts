/**
 * The wire protocol between the manager and everything that talks to it: messages as unions told apart by `type`.
 *
 * One binary websocket message is one *frame*: one msgpack-encoded message, or an array of them in order, so that a
 * batch of reports and the next request travel together. Whoever asks chooses `id` (rising per connection); every
 * answer carries it back. What changes something also carries a `requestId` that is unique for ever: repeating it
 * returns the first answer and changes nothing (reliability.md H14).
 *
 * Bytes that users typed (commands, output) stay bytes: they need not be UTF-8.
 */
import type { Verdict } from './dry-claims.ts';
import type { ErrorCode } from './errors.ts';
import type { Reason } from './explain.ts';
import type { FailReason } from './fail-reasons.ts';
import type { JobOptions } from './job-options.ts';
import type { LiveJob } from './live-job.ts';
import type {
  BackedUpReply,
  BackupRequest,
  ModifiedPart,
  ModifyRequest,
  ModProgress,
  ResumeRequest,
  SteeredReply,
  SteerRequest,
  SuspendRequest,
} from './protocol-control.ts';
import type { ResourceIds } from './resource-names.ts';
import type { JobState } from './states.ts';
import type { StatusJob } from './status-job.ts';

/** Offered as websocket subprotocol; a peer that does not speak it is refused by name while connecting. */
export const PROTOCOL = 'wr.1';
/** The path of the client and runner websocket on the manager's port. */
export const CLIENT_PATH = '/client';

/** An upload frame larger than this stalled in a trial; a longer line travels in parts (`AddFrame.more`). */
export const ADD_FRAME_BYTES_MAX = 256 * 1024;
/** Frames of one add that may be under way: the client waits for credit beyond that. */
export const ADD_WINDOW_FRAMES = 24;
/** The longest line of a command file (cli.md §2.1). */
export const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** The largest frame the manager accepts. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
/** The largest frame the manager sends: a page of long commands, each shown with every byte escaped. */
export const REPLY_BYTES_MAX = 64 * 1024 * 1024;
/** Pages of one listing that may be under way to a client before it asks for more. */
export const PAGE_WINDOW = 4;

export const TTR_MS = 60_000;
export const TOUCH_MS = 15_000;

/** Which jobs a command means (cli.md §1.7). */
export type Selector =
  | { readonly by: 'all' }
  | { readonly by: 'repGroup'; readonly repGroup: string; readonly search: boolean }
  /** 16 bytes a key, in order. */
  | { readonly by: 'keys'; readonly keys: Uint8Array }
  /** Jobs with a bsub mode, by their LSF job ids; none given: all of them. */
  | { readonly by: 'bsub'; readonly ids: readonly number[] };

// ---------------------------------------------------------------- client → manager

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

// ---------------------------------------------------------------- runner → manager

/** First message of a runner on a connection; said again, with the same `runnerId`, after a reconnect. */
export interface RunnerHello {
  readonly type: 'hello';
  readonly id: number;
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  readonly pid: number;
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

/** Answered when every event of it is on disk. */
export interface ReportRequest {
  readonly type: 'report';
  readonly id: number;
  readonly events: readonly RunnerEvent[];
}

export interface TouchedAttempt extends Usage {
  readonly attempt: number;
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
export type Request = ClientRequest | RunnerRequest;

// ---------------------------------------------------------------- manager → anyone

export interface ErrorReply {
  readonly type: 'error';
  readonly id: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** Asking again later may succeed. */
  readonly retryable: boolean;
}

export interface PongReply {
  readonly type: 'pong';
  readonly id: number;
}

/** So many more frames of this add may be sent. */
export interface AddCredit {
  readonly type: 'addCredit';
  readonly requestId: string;
  readonly frames: number;
  /** Commands taken in so far, for the progress bar. */
  readonly commands: number;
}

/** The add is refused before its end: stop sending. The error itself comes as the answer to addBegin's or addEnd's id. */
export interface AddRefused {
  readonly type: 'addRefused';
  readonly requestId: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A part of the keys asked for with `wantKeys`, in input order; comes before `added`. */
export interface AddKeys {
  readonly type: 'addKeys';
  readonly id: number;
  /** 16 bytes a key. */
  readonly keys: Uint8Array;
}

/** What a line of an add that is only tried was understood to say. */
export interface DryLine {
  /** From 1. */
  readonly line: number;
  readonly verdict: Verdict;
  readonly job: StatusJob;
}

/** Pushed while an add is only tried, in the order of its lines. */
export interface DryPagePush {
  readonly type: 'dryPage';
  readonly requestId: string;
  readonly lines: readonly DryLine[];
}

export interface CompletedElsewhere {
  readonly repGroup: string;
  readonly count: number;
  /** When a command of the group last completed; Unix ms. */
  readonly lastEndMs: number;
}

export interface AddedReply {
  readonly type: 'added';
  readonly id: number;
  readonly added: number;
  /** Input lines whose command was in the queue already, or stood earlier in the same input. */
  readonly queued: number;
  /** Of `queued`, those that stood earlier in the same input: only a dry run tells them apart. */
  readonly repeated?: number;
  /** Input lines whose command had completed before. */
  readonly complete: number;
  /** Of these, under the report group that the line names. Absent from an answer that is repeated. */
  readonly completeHere?: number;
  /** Of these, under others: largest first, then by name. */
  readonly completeElsewhere?: readonly CompletedElsewhere[];
  /** At least one line took its report group from the defaults. */
  readonly usedDefaultRepGroup: boolean;
  /** Said once for the whole add: unknown JSON members, options whose effect comes later. */
  readonly warnings: readonly string[];
  /** LSF job id of the first new command with a bsub mode; 0: none. */
  readonly bsubId: number;
}

export interface StateCounts {
  readonly ready: number;
  readonly dependent: number;
  readonly delayed: number;
  readonly suspended: number;
  readonly reserved: number;
  readonly running: number;
  readonly lost: number;
  readonly buried: number;
  readonly complete: number;
}

export interface CountsReply {
  readonly type: 'counts';
  readonly id: number;
  readonly counts: StateCounts;
}

/** Mean and sample standard deviation over complete jobs. */
export interface Spread {
  readonly mean: number;
  readonly sd: number;
}

export interface GroupSummary {
  readonly repGroup: string;
  readonly counts: StateCounts;
  readonly memoryMb: Spread;
  readonly diskMb: Spread;
  readonly wallMs: Spread;
  readonly cpuMs: Spread;
  /** Unix ms over complete jobs; 0: none. */
  readonly firstStartMs: number;
  readonly lastEndMs: number;
  /** Buried jobs by exit code and reason. */
  readonly buried: readonly {
    readonly exitCode: number;
    readonly reason: FailReason;
    readonly keys: readonly string[];
  }[];
}

export interface SummaryReply {
  readonly type: 'summary';
  readonly id: number;
  readonly groups: readonly GroupSummary[];
  /** Over all groups above, when there are several. */
  readonly all: GroupSummary;
}

/** A part of a listing. */
export interface PageReply {
  readonly type: 'page';
  readonly id: number;
  readonly jobs: readonly StatusJob[];
  readonly last: boolean;
}

/** What the running ones of the next page of a listing use and print as of their last touch. */
export interface LiveReply {
  readonly type: 'live';
  readonly id: number;
  readonly jobs: readonly LiveJob[];
}

/** A part of a listing as JSON. */
export interface JsonPageReply {
  readonly type: 'jsonPage';
  readonly id: number;
  /** Elements of an array, with commas between them; UTF-8. */
  readonly text: Uint8Array;
  /** Further ones, held by runners: `live` says more of them. */
  readonly jobs: readonly StatusJob[];
  readonly last: boolean;
}

/** A part of a plain listing: text as it is printed. */
export interface PlainPageReply {
  readonly type: 'plainPage';
  readonly id: number;
  /** `<key>\t<state>\n` lines, ASCII. */
  readonly text: Uint8Array;
  readonly buried: number;
  readonly last: boolean;
}

/** Answer to kill, retry, remove, suspend and resume. */
export interface ChangedReply {
  readonly type: 'changed';
  readonly id: number;
  readonly changed: number;
  /** Of the jobs selected, how many were in a state to be changed. */
  readonly eligible: number;
  /** Not removed, as others depend on them. */
  readonly held?: number;
  /** What is to be said about the change, once. */
  readonly warnings?: readonly string[];
}

export interface LimitsReply {
  readonly type: 'limits';
  readonly id: number;
  /** In no order; of a group that was named also when it has none (−1). */
  readonly limits: readonly { readonly name: string; readonly limit: number }[];
}

export interface SettledReply {
  readonly type: 'settled';
  readonly id: number;
  /** `null`: no such job in queue or history. */
  readonly job: StatusJob | null;
}

export interface ExplainedReply {
  readonly type: 'explained';
  readonly id: number;
  /** `null`: no such job in queue or history. */
  readonly job: StatusJob | null;
  /** The first cause first. */
  readonly reasons: readonly Reason[];
}

/** How the jobs of a `watch` stand: on disk. */
export interface WatchedReply {
  readonly type: 'watched';
  readonly id: number;
  readonly counts: StateCounts;
  /** Of the jobs watched, removed since it began. */
  readonly removed: number;
  /** Keys asked for that are of no job. */
  readonly missing: number;
  /** Nothing in the whole queue runs, nor will by itself. */
  readonly idle: boolean;
  readonly mode: ManagerStatusReply['mode'];
}

export interface ManagerStatusReply {
  readonly type: 'managerStatus';
  readonly id: number;
  readonly mode: 'started' | 'recovering' | 'paused' | 'draining' | 'stopping';
  readonly host: string;
  readonly address: string;
  readonly webPort: number;
  readonly pid: number;
  readonly version: string;
  readonly scheduler: string;
  readonly transport: string;
  /** Event-loop delay since the last status, ms. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly rssBytes: number;
}

export interface ShuttingDownReply {
  readonly type: 'shuttingDown';
  readonly id: number;
  readonly pid: number;
}

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
  /** Of `holding`: attempts that are not the runner's any more; it must stop or forget them. */
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
}

/** Events that are now on disk; `superseded` lists attempts given up earlier, whose report changed nothing. */
export interface ReportedReply {
  readonly type: 'reported';
  readonly id: number;
  readonly superseded: readonly number[];
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
  readonly slots: readonly { readonly group: string; readonly slots: number }[];
}

/** Pushed: take no more jobs, leave when the last has been reported. */
export interface LeavePush {
  readonly type: 'leave';
}

export type Reply =
  | ErrorReply
  | PongReply
  | AddCredit
  | AddRefused
  | AddKeys
  | DryPagePush
  | AddedReply
  | CountsReply
  | SummaryReply
  | PageReply
  | LiveReply
  | PlainPageReply
  | JsonPageReply
  | ChangedReply
  | SettledReply
  | LimitsReply
  | WatchedReply
  | ModProgress
  | ModifiedPart
  | SteeredReply
  | BackedUpReply
  | ExplainedReply
  | ManagerStatusReply
  | ShuttingDownReply
  | WelcomeReply
  | JobsReply
  | ReportedReply
  | TouchedReply
  | EnvReply
  | KillPush
  | AllotPush
  | LeavePush;
