/** What the manager answers clients and pushes to them; {@link ./protocol.ts} says how messages travel. */
import type { Verdict } from './dry-claims.ts';
import type { DryWait } from './dry-waits.ts';
import type { ErrorCode } from './errors.ts';
import type { Reason } from './explain.ts';
import type { FailReason } from './fail-reasons.ts';
import type { LiveJob } from './live-job.ts';
import type { StatusJob } from './status-job.ts';

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
  /** What it would wait for if it were added, as far as is known so far. */
  readonly waits: readonly DryWait[];
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

/** Lines of a summary that has many: more follow. */
export interface SummaryPart {
  readonly type: 'summaryPart';
  readonly id: number;
  readonly groups: readonly GroupSummary[];
}

export interface SummaryReply {
  readonly type: 'summary';
  readonly id: number;
  /** The last of them; in no order. */
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
  /** Nothing in the whole queue runs, nor will by itself: what is ready may not, by a limit of 0. */
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
