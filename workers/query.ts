/**
 * The Piscina task that answers questions about jobs, straight from the database and the shared job table: listings in
 * pages, the numbers a command acts on, buried jobs by reason, and which keys belong to archived jobs.
 */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { PageReply, PlainPageReply } from '../core/client-replies.ts';
import { encodeFrame } from '../core/codec.ts';
import { type FailReason, failReasonName } from '../core/fail-reasons.ts';
import { JobTable, rowOf, type TableSnapshot } from '../core/job-table.ts';
import { INCOMPLETE_MASK, isHeld, STATE, STATE_NAMES } from '../core/states.ts';
import type { StatusJob } from '../core/status-job.ts';
import { isSeen } from '../store/dependency-tables.ts';
import { readCompleteKey } from '../store/history-tables.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { openLmdbReader } from '../store/lmdb.ts';
import { type AheadQuestion, jobsAhead } from './ahead.ts';
import { type CompletedGroups, type CompletedQuestion, completedGroups } from './completed-groups.ts';
import { endedOrder } from './ended-order.ts';
import { GroupMatcher } from './group-matcher.ts';
import { JobReader, type ReadJob } from './job-reader.ts';
import { type Candidate, candidates, type ListingScope, numbersInQueue } from './listing.ts';
import { JobsSink, JsonSink, type PageSink } from './page-sinks.ts';
import { type PreviewQuestion, preview } from './preview.ts';
import { recentNumbers } from './recent.ts';
import { type RekeyResult, type RekeyTask, rekeyJobs } from './rekey.ts';
import { findReruns, type RerunPart } from './reruns.ts';
import { statusJob } from './status-jobs.ts';
import { isTooOld, onHost, type Summaries, summarise } from './summaries.ts';
import { type Tallied, talliedIn } from './tallied.ts';
import { groupsNeverSeen } from './unseen-groups.ts';
import { type WaitedFor, waitedFor } from './waited-for.ts';

const PLAIN_PAGE_JOBS = 20_000;
/** Output of failed jobs is withheld from listings with more jobs than this (cli.md §3). */
const OUTPUT_JOBS_MAX = 1_000;
/** Keys named per kind of burial in a summary. */
const BURIED_KEYS_MAX = 1_000;

interface Common {
  readonly path: string;
  readonly table: TableSnapshot;
  readonly scope: ListingScope;
}

/** Where the next page goes on. */
export interface Cursor {
  readonly phase: number;
  readonly number: number;
  /** Jobs shown before it. */
  readonly shown: number;
}

export type QueryTask =
  /** Numbers of archived complete jobs by key; 0: unknown. */
  | { readonly kind: 'findKeys'; readonly path: string; readonly keys: Uint8Array }
  | {
      readonly kind: 'ahead';
      readonly path: string;
      readonly question: AheadQuestion;
      readonly table: TableSnapshot;
    }
  | {
      readonly kind: 'waitedFor';
      readonly path: string;
      readonly number: number;
      readonly table: TableSnapshot;
    }
  | { readonly kind: 'completedGroups'; readonly path: string; readonly question: CompletedQuestion }
  | { readonly kind: 'preview'; readonly path: string; readonly question: PreviewQuestion }
  /** By group hash, 16 bytes each: 1 when it is known to have had a member. */
  | (RekeyTask & { readonly kind: 'rekey'; readonly path: string })
  | { readonly kind: 'seen'; readonly path: string; readonly groups: Uint8Array }
  /** Where complete jobs are counted. */
  | { readonly kind: 'tallied'; readonly path: string; readonly numbers: Uint32Array }
  | {
      readonly kind: 'reruns';
      readonly path: string;
      readonly groups: Uint8Array;
      readonly complete: Uint32Array;
    }
  | (Common & { readonly kind: 'select' })
  | (Common & { readonly kind: 'buried' })
  /** Complete jobs of report groups, as they are shown. */
  | (Common & { readonly kind: 'endedOrder' })
  | (Common & { readonly kind: 'summaries' })
  /** Numbers of jobs that completed from `sinceMs` on. */
  | { readonly kind: 'recent'; readonly path: string; readonly sinceMs: number; readonly end: number }
  | (Common & {
      readonly kind: 'page';
      readonly id: number;
      readonly output: 'plain' | 'jobs' | 'json';
      readonly limit: number;
      readonly env: boolean;
      readonly host: string;
      readonly nowMs: number;
      readonly cursor: Cursor;
      /** Complete jobs within the scope, from the counters. */
      readonly complete: number;
    });

export interface PageResult {
  /** The whole answer, encoded. */
  readonly frame: Uint8Array;
  /** Numbers of its jobs that a runner holds. */
  readonly held: readonly number[];
  /** `null`: this was the last page. */
  readonly next: Cursor | null;
}

export interface BuriedResult {
  readonly repGroup: string;
  readonly exitCode: number;
  readonly reason: FailReason;
  readonly keys: readonly string[];
}

export type QueryResult =
  | Uint8Array
  | number
  | Uint32Array
  | PageResult
  | WaitedFor
  | readonly BuriedResult[]
  | CompletedGroups
  | Summaries
  | readonly Uint8Array[]
  | readonly RerunPart[]
  | RekeyResult
  | Tallied;

// A worker stays, so its reader and what it has decoded stay with it.
const readers = new Map<string, JobReader>();

function readerOf(path: string): JobReader {
  let reader = readers.get(path);
  if (reader === undefined) {
    reader = new JobReader(openLmdbReader(path));
    readers.set(path, reader);
  }
  reader.refresh();
  return reader;
}

/** Answers one question. */
export default function query(task: QueryTask): QueryResult | ReturnType<typeof move> {
  const result = answer(task, readerOf(task.path));
  return isPage(result) ? moved(result) : result;
}

/** A page goes to the thread that asked without being cloned, in memory of its own: the encoder keeps some of its. */
function moved(page: PageResult): ReturnType<typeof move> {
  const isOwn = page.frame.byteLength === page.frame.buffer.byteLength;
  const frame = isOwn ? page.frame : new Uint8Array(page.frame);
  return move({ [transferableSymbol]: [frame.buffer], [valueSymbol]: { ...page, frame } });
}

function isPage(result: QueryResult): result is PageResult {
  return typeof result === 'object' && 'frame' in result;
}

/** The same on a reader of the caller's: for simulations and tests. */
export function queryInline(task: QueryTask, store: KeyValueReader): QueryResult {
  return answer(task, new JobReader(store));
}

function answer(task: QueryTask, reader: JobReader): QueryResult {
  switch (task.kind) {
    case 'findKeys':
      return Uint32Array.from(eachKey(task.keys), (key) => readCompleteKey(reader.store, key) ?? 0);
    case 'ahead':
      return jobsAhead(task.question, JobTable.fromSnapshot(task.table));
    case 'waitedFor':
      return waitedFor(task.number, reader, JobTable.fromSnapshot(task.table));
    case 'completedGroups':
      return completedGroups(task.question, reader);
    case 'preview':
      return preview(task.question, reader, Date.now());
    case 'rekey':
      return rekeyJobs(task, reader);
    case 'seen':
      return Uint8Array.from(eachKey(task.groups), (hash) => (isSeen(reader.store, hash) ? 1 : 0));
    case 'tallied':
      return talliedIn(task.numbers, reader);
    case 'reruns':
      return findReruns(task.groups, task.complete, reader);
    case 'select':
      return select(task.scope, reader, JobTable.fromSnapshot(task.table));
    case 'recent':
      return recentNumbers(task.sinceMs, task.end, reader);
    case 'summaries':
      return summarise(task.scope, reader, JobTable.fromSnapshot(task.table));
    case 'endedOrder':
      return endedOrder(task.scope, reader, JobTable.fromSnapshot(task.table));
    case 'buried':
      return buried(task.scope, reader, JobTable.fromSnapshot(task.table));
    case 'page':
      return page(task, reader, JobTable.fromSnapshot(task.table));
    default:
      task satisfies never;
      throw new Error('unknown query');
  }
}

function eachKey(keys: Uint8Array): Uint8Array[] {
  return Array.from({ length: keys.byteLength / 16 }, (_, i) => keys.subarray(i * 16, i * 16 + 16));
}

function select(scope: ListingScope, reader: JobReader, table: JobTable): Uint32Array {
  if (scope.numbers === null && scope.missingDeps !== true && (scope.mask & ~INCOMPLETE_MASK) === 0)
    return numbersInQueue(scope, reader, table);
  let numbers = new Uint32Array(1024);
  let count = 0;
  for (const found of candidates(scope, reader, table, START)) {
    if (count === numbers.length) {
      const grown = new Uint32Array(count * 2);
      grown.set(numbers);
      numbers = grown;
    }
    numbers[count] = found.number;
    count += 1;
  }
  return numbers.slice(0, count);
}

export const START: Cursor = { phase: 0, number: 0, shown: 0 };

function buried(scope: ListingScope, reader: JobReader, table: JobTable): BuriedResult[] {
  const kinds = new Map<string, { repGroup: string; exitCode: number; reason: FailReason; keys: string[] }>();
  const matcher = new GroupMatcher(scope, reader);
  for (const found of candidates({ ...scope, mask: 1 << STATE.buried }, reader, table, START)) {
    const template = table.chunkOf(found.number)?.template[rowOf(found.number)] ?? 0;
    const { number, exitCode, reason } = found;
    for (const repGroup of matcher.namesOf(number, reader.template(template)?.repGroup ?? '')) {
      const name = `${repGroup}\0${exitCode}\0${reason}`;
      let kind = kinds.get(name);
      if (kind === undefined) {
        kind = { repGroup, exitCode, reason: failReasonName(reason), keys: [] };
        kinds.set(name, kind);
      }
      if (kind.keys.length < BURIED_KEYS_MAX) kind.keys.push(table.keyHex(number));
    }
  }
  return [...kinds.values()];
}

type PageTask = Extract<QueryTask, { kind: 'page' }>;

function page(task: PageTask, reader: JobReader, table: JobTable): PageResult {
  if (task.output === 'plain') return plainPage(task, reader, table);
  return task.limit > 0 ? groupedPage(task, reader, table) : jobsPage(task, reader, table);
}

/** All jobs, page after page. */
function jobsPage(task: PageTask, reader: JobReader, table: JobTable): PageResult {
  const sink: PageSink = task.output === 'json' ? new JsonSink() : new JobsSink();
  const withOutput = task.cursor.shown < OUTPUT_JOBS_MAX;
  const held: number[] = [];
  let next: Cursor | null = null;
  for (const found of candidates(task.scope, reader, table, task.cursor)) {
    if (sink.full) {
      next = cursorAt(task, found, sink.count);
      break;
    }
    const job = reader.read(found.number, table);
    if (job === undefined || !isShown(job, task)) continue;
    const shown = show(job, task, reader, 0);
    sink.add(job, withOutput ? shown : withoutOutput(shown));
    if (isHeld(job.state)) held.push(found.number);
  }
  return { frame: sink.frame(task.id, next === null), held, next };
}

function cursorAt(task: PageTask, found: Candidate & { readonly phase: number }, jobs: number): Cursor {
  return { phase: found.phase, number: found.place, shown: task.cursor.shown + jobs };
}

/** What wants attention first (since-0.36.md §1.4); what completed last. */
const RANKS: readonly number[] = [
  STATE.buried,
  STATE.lost,
  STATE.running,
  STATE.reserved,
  STATE.delayed,
  STATE.ready,
  STATE.dependent,
  STATE.suspended,
  STATE.complete,
];

/** The first `limit` jobs of each kind: equal state, exit code and fail reason. */
function groupedPage(task: PageTask, reader: JobReader, table: JobTable): PageResult {
  const kinds = new Map<number, { readonly shown: ReadJob[]; count: number; readonly complete: boolean }>();
  for (const found of candidates(task.scope, reader, table, START)) {
    const name = ((found.exitCode + 32_768) * 256 + found.reason) * 16 + found.state;
    let kind = kinds.get(name);
    if (kind === undefined) {
      kind = { shown: [], count: 0, complete: found.state === STATE.complete };
      kinds.set(name, kind);
    }
    kind.count += 1;
    // How many are complete is counted already: history is not walked to its end.
    if (kind.complete && kind.shown.length >= task.limit && task.scope.numbers === null && task.host === '')
      break;
    if (kind.shown.length >= task.limit && task.host === '') continue;
    const job = reader.read(found.number, table);
    if (job === undefined || !isShown(job, task)) kind.count -= 1;
    else if (kind.shown.length < task.limit) kind.shown.push(job);
  }
  const jobs: StatusJob[] = [];
  const held: number[] = [];
  const ordered = [...kinds].sort(([a], [b]) => RANKS.indexOf(a % 16) - RANKS.indexOf(b % 16));
  for (const [, kind] of ordered) {
    const counted =
      kind.complete && task.scope.numbers === null && task.host === '' ? task.complete : kind.count;
    kind.shown.forEach((job, i) => {
      const similar = i === kind.shown.length - 1 ? Math.max(0, counted - kind.shown.length) : 0;
      jobs.push(show(job, task, reader, similar));
      if (isHeld(job.state)) held.push(job.number);
    });
  }
  const reply: PageReply = {
    type: 'page',
    id: task.id,
    jobs: jobs.length > OUTPUT_JOBS_MAX ? jobs.map(withoutOutput) : jobs,
    last: true,
  };
  return { frame: encodeFrame(reply), held, next: null };
}

function show(job: ReadJob, task: PageTask, reader: JobReader, similar: number): StatusJob {
  const detail = task.output !== 'json';
  const shown = new GroupMatcher(task.scope, reader).shown(job);
  return statusJob(shown, reader, { env: task.env, nowMs: task.nowMs, similar, detail });
}

function isShown(job: ReadJob, task: PageTask): boolean {
  return onHost(job, task.host) && !isTooOld(job, task.scope);
}

function withoutOutput(job: StatusJob): StatusJob {
  return job.StdOut === '' && job.StdErr === '' ? job : { ...job, StdOut: '', StdErr: '' };
}

function plainPage(task: PageTask, reader: JobReader, table: JobTable): PageResult {
  const lines: string[] = [];
  let buriedJobs = 0;
  let next: Cursor | null = null;
  for (const found of candidates(task.scope, reader, table, task.cursor)) {
    if (lines.length === PLAIN_PAGE_JOBS) {
      next = cursorAt(task, found, lines.length);
      break;
    }
    const key =
      found.state === STATE.complete ? completeKey(found.number, reader, table) : table.keyHex(found.number);
    if (key === '' || (task.host !== '' && !hasHost(found.number, task.host, reader, table))) continue;
    if (found.state === STATE.buried) buriedJobs += 1;
    lines.push(`${key}\t${plainState(found, reader, table)}\n`);
  }
  const text = Buffer.from(lines.join(''), 'latin1');
  const reply: PlainPageReply = {
    type: 'plainPage',
    id: task.id,
    text,
    buried: buriedJobs,
    last: next === null,
  };
  return { frame: encodeFrame(reply), held: [], next };
}

/** A job that waits for a group never seen is told apart (since-0.36.md §1.4). */
function plainState({ number, state }: Candidate, reader: JobReader, table: JobTable): string {
  if (state === STATE.dependent && groupsNeverSeen(number, reader, table).length > 0) return 'waiting-deps';
  return STATE_NAMES[state] ?? '';
}

function completeKey(number: number, reader: JobReader, table: JobTable): string {
  return reader.read(number, table)?.key ?? ''; // Removed jobs, and those that were run again, have no record.
}

function hasHost(number: number, host: string, reader: JobReader, table: JobTable): boolean {
  const job = reader.read(number, table);
  return job !== undefined && onHost(job, host);
}
