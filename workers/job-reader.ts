/** Everything that is known of a job, put together from the table, its segment, its template and its record. */
import type { Chosen } from '../core/figures.ts';
import { keyToHex } from '../core/identity.ts';
import type { JobOptions } from '../core/job-options.ts';
import { EMPTY_RECORD, type JobRecord } from '../core/job-record.ts';
import { type JobTable, rowOf } from '../core/job-table.ts';
import { NOTHING_LEARNED } from '../core/learning.ts';
import type { SavedUsage } from '../core/req-usage.ts';
import type { Segment } from '../core/segment.ts';
import { isHeld, STATE } from '../core/states.ts';
import { mergeDelta, parseTemplate } from '../core/template.ts';
import { readLearned } from '../store/group-tables.ts';
import { readDone } from '../store/history-tables.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import {
  type DirectoryEntry,
  findInDirectory,
  readCounter,
  readRecord,
  readTemplate,
} from '../store/layout.ts';
import { SegmentCache } from '../store/segment-cache.ts';
import { readTallies } from '../store/tallies.ts';

/** Kept from one question to the next; beyond it all are read again. */
const TEMPLATES_MAX = 4_096;
/** Segments whose jobs' sets are kept while a question is answered. */
const TALLIES_MAX = 64;

export interface ReadJob {
  readonly number: number;
  readonly key: string;
  readonly cmd: Uint8Array;
  readonly options: JobOptions;
  /** State code. */
  readonly state: number;
  readonly attempts: number;
  readonly record: JobRecord;
  /** What the next attempt is given; `undefined` for jobs that have none. */
  readonly chosen: Chosen | undefined;
}

const UNKNOWN: Pick<SavedUsage, 'runs' | 'recommendation'> = {
  runs: { memory: 0, disk: 0, time: 0 },
  recommendation: NOTHING_LEARNED,
};

export class JobReader {
  readonly store: KeyValueReader;
  readonly #segments: SegmentCache;
  readonly #templates = new Map<number, JobOptions>();
  readonly #usages = new Map<string, Pick<SavedUsage, 'runs' | 'recommendation'>>();
  /** By first number: which of the segment's jobs are counted in sets of report groups; `null`: none. */
  readonly #tallies = new Map<number, Uint32Array | null>();
  #hasTallies = true;
  /** Some complete jobs' commands are in the queue again. */
  hasReplaced = true;
  #entry: DirectoryEntry | undefined;
  /** As when the segments that are kept were read. */
  #overlays = 0;

  constructor(store: KeyValueReader) {
    this.store = store;
    this.#segments = new SegmentCache(store);
  }

  template(id: number): JobOptions | undefined {
    const known = this.#templates.get(id);
    if (known !== undefined) return known;
    const json = readTemplate(this.store, id);
    if (json === undefined) return undefined;
    const options = parseTemplate(json);
    if (this.#templates.size >= TEMPLATES_MAX) this.#templates.clear();
    this.#templates.set(id, options);
    return options;
  }

  /** Sees what was committed since. */
  refresh(): void {
    this.store.refresh();
    this.#entry = undefined; // The segment may be gone.
    this.#usages.clear();
    this.#tallies.clear();
    this.#hasTallies = this.store.count('tallies') > 0;
    this.hasReplaced = this.store.count('replaced') > 0;
    const overlays = readCounter(this.store, 'overlays', 0);
    if (overlays !== this.#overlays) this.#segments.clear();
    this.#overlays = overlays;
  }

  /** What is known of a requirement group. */
  usage(reqGroup: string): Pick<SavedUsage, 'runs' | 'recommendation'> {
    let usage = this.#usages.get(reqGroup);
    if (usage === undefined) {
      usage = readLearned(this.store, reqGroup) ?? UNKNOWN;
      this.#usages.set(reqGroup, usage);
    }
    return usage;
  }

  /** Where a number stands; the last answer serves the numbers beside it. */
  locate(number: number): DirectoryEntry | undefined {
    const entry = this.#entry;
    if (entry !== undefined && number >= entry.first && number < entry.first + entry.count) return entry;
    this.#entry = findInDirectory(this.store, number);
    return this.#entry;
  }

  /** @throws {WrError} STORE_UNREADABLE */
  segment(id: number): Segment {
    return this.#segments.get(id);
  }

  /** The set of report groups that a job is counted in; 0: it is found under its own only. */
  setOf(number: number): number {
    const entry = this.#hasTallies ? this.locate(number) : undefined;
    if (entry === undefined) return 0;
    let tallies = this.#tallies.get(entry.first);
    if (tallies === undefined) {
      tallies = readTallies(this.store, entry.first, entry.count) ?? null;
      if (this.#tallies.size >= TALLIES_MAX) this.#tallies.clear();
      this.#tallies.set(entry.first, tallies);
    }
    return tallies?.[number - entry.first] ?? 0;
  }

  /** The report group of a job that has no row in memory. */
  storedTemplateId(number: number): number | undefined {
    const entry = this.locate(number);
    return entry === undefined
      ? undefined
      : this.#segments.get(entry.segment).templateId(number - entry.first);
  }

  /** `undefined`: never added, or removed. */
  read(number: number, table: JobTable): ReadJob | undefined {
    const entry = this.locate(number);
    if (entry === undefined) return undefined;
    const segment = this.#segments.get(entry.segment);
    const at = number - entry.first;
    const template = this.template(segment.templateId(at));
    if (template === undefined) return undefined;
    const live = table.state(number);
    if (live === STATE.removed) return undefined;
    const done = live === STATE.none || live === STATE.complete ? readDone(this.store, number) : undefined;
    if (live === STATE.none && done === undefined) return undefined;
    const ended = done !== undefined;
    const record = done ?? readRecord(this.store, number);
    if (live === STATE.complete && record === undefined) return undefined; // It was run again since.
    // The row is ahead of the disk: an end is shown when it is on disk, with its figures, and not before.
    const isAhead = live === STATE.complete || live === STATE.buried || live === STATE.delayed;
    const unwritten = !ended && isAhead && record !== undefined && isHeld(record.state);
    const state = ended ? STATE.complete : unwritten ? record.state : live;
    const priority = segment.priority(at);
    const options = mergeDelta(template, segment.delta(at), priority);
    const chunk = table.chunkOf(number);
    return {
      number,
      key: keyToHex(segment.key(at)),
      cmd: segment.command(at),
      options,
      state,
      attempts:
        ended || chunk === undefined ? (record?.attempts ?? 0) : (chunk.attempts[rowOf(number)] as number),
      record: record ?? EMPTY_RECORD,
      chosen: chunk === undefined ? undefined : table.figures.read(chunk.cohort[rowOf(number)] as number),
    };
  }
}
