/**
 * A batch of what `wr mod` changes: rows and keys in memory, and beside them what is to be written. Jobs that are alike and
 * stand in a row change in one step; with new keys, which may be taken, all in a row that fared alike.
 */
import { KEY_WORDS } from '../core/identity.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { runAt } from '../core/job-runs.ts';
import { rowOf } from '../core/job-table.ts';
import type { ModChanges } from '../core/modification.ts';
import { EDITABLE, rekey, retemplate } from '../core/modify-rows.ts';
import { ownFields } from '../core/overlay.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import type { Template } from '../core/templates.ts';
import type { RekeyResult } from '../workers/rekey.ts';
import { type Clock, Slices } from './clock.ts';
import { KeyPairs } from './key-pairs.ts';
import type { SegmentChanges } from './segment-changes.ts';

/** Jobs changed in one go: with a pair of keys to tell for each, and with new keys to claim. */
const RUN_JOBS = 1_024;
const REKEYED_JOBS = 256;
/** Half of what others take: beside it a commit is encoded and keys are sent. */
const SLICE_MS = 2;

export interface Modification {
  /** Ascending. */
  readonly numbers: Uint32Array;
  readonly changes: ModChanges;
  /** By the id of the one a job has. */
  readonly templates: ReadonlyMap<number, Template>;
  /** What is to be written. */
  readonly disk: SegmentChanges;
  /** Keys by place in `numbers`; `null`: none changes. */
  readonly rekeyed: RekeyResult | null;
}

/** What comes of the key that a job would have. */
type Rekeyed = 'same' | 'other' | 'taken';

/** Consecutive jobs of one segment. */
interface Run {
  readonly entry: SegmentEntry;
  readonly template: Template;
  readonly first: number;
  readonly count: number;
  /** Where in the batch they begin. */
  readonly at: number;
}

export class ModifyBatch {
  readonly #queue: JobQueue;
  readonly #clock: Clock;
  readonly #of: Modification;
  /** What changed. */
  readonly pairs: KeyPairs;
  /** Jobs that would have become the same as another one, and were left alone. */
  taken = 0;

  constructor({ queue, clock }: { readonly queue: JobQueue; readonly clock: Clock }, of: Modification) {
    this.#queue = queue;
    this.#clock = clock;
    this.#of = of;
    this.pairs = new KeyPairs(queue.table, of.numbers.length);
  }

  async change(): Promise<void> {
    const { numbers, rekeyed } = this.#of;
    const slices = new Slices(this.#clock, SLICE_MS);
    const most = rekeyed === null ? RUN_JOBS : REKEYED_JOBS;
    for (let at = 0; at < numbers.length; ) {
      const first = numbers[at] as number;
      const entry = this.#queue.segments.find(first);
      let count = runAt(this.#queue, numbers, at);
      if (entry !== undefined) {
        // A run ends with its segment.
        count = Math.min(count, most, entry.first + entry.count - first);
        this.#changeRun(entry, first, count, at);
      }
      at += count;
      await slices.pause();
    }
  }

  #changeRun(entry: SegmentEntry, first: number, count: number, at: number): void {
    const id = this.#queue.chunk(first).template[rowOf(first)] as number;
    const template = this.#of.templates.get(id);
    if (((1 << this.#queue.state(first)) & EDITABLE) === 0 || template === undefined) return;
    const { rekeyed } = this.#of;
    const run = { entry, template, first, count, at };
    if (rekeyed === null) {
      this.#apply(run);
      this.pairs.addSame(first, count);
    } else this.#rekeyRun(run, rekeyed);
  }

  #rekeyRun(run: Run, rekeyed: RekeyResult): void {
    const { first, count, at } = run;
    let begin = 0;
    let result = this.#rekey(rekeyed, first, at);
    for (let i = 1; i <= count; i += 1) {
      const next = i < count ? this.#rekey(rekeyed, first + i, at + i) : undefined;
      if (next === result) continue;
      this.#finish({ ...run, first: first + begin, count: i - begin, at: at + begin }, rekeyed, result);
      if (next === undefined) return;
      result = next;
      begin = i;
    }
  }

  #rekey({ keys, taken }: RekeyResult, number: number, at: number): Rekeyed {
    if (taken[at] === 1) return 'taken';
    const word = at * KEY_WORDS;
    if (this.#hasKey(number, keys, word)) {
      this.pairs.addSame(number, 1);
      return 'same';
    }
    this.pairs.add(number, keys, word);
    if (rekey(this.#queue, number, keys, word)) return 'other';
    this.pairs.dropLast();
    return 'taken';
  }

  #hasKey(number: number, keys: Uint32Array, at: number): boolean {
    const { key } = this.#queue.chunk(number);
    const row = rowOf(number) * KEY_WORDS;
    for (let word = 0; word < KEY_WORDS; word += 1) if (key[row + word] !== keys[at + word]) return false;
    return true;
  }

  #finish(run: Run, { keys }: RekeyResult, result: Rekeyed): void {
    const { changes, disk } = this.#of;
    const { entry, first, count, at } = run;
    if (result === 'taken') {
      this.taken += count;
      for (let i = 0; i < count; i += 1) disk.leave(first + i);
      return;
    }
    this.#apply(run);
    const overlay = disk.overlay(entry);
    if (result === 'other')
      overlay.setKeys(first - entry.first, keys.subarray(at * KEY_WORDS, (at + count) * KEY_WORDS));
    if (changes.cmd !== null) overlay.setCommand(first - entry.first, new Uint8Array(changes.cmd));
  }

  #apply({ entry, template, first, count }: Run): void {
    const { changes, disk } = this.#of;
    const { options } = changes;
    retemplate(this.#queue, first, count, template, options.priority ?? null);
    disk.overlay(entry).setTemplate(first - entry.first, count, template.id, ownFields(options));
  }
}
