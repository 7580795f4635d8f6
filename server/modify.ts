/**
 * `wr mod`: jobs that wait get other options, another command, and with these perhaps other keys (cli.md §7).
 *
 * Batch by batch: keys are computed by a worker, rows change in one step that nothing comes between, and what changed goes to
 * disk before the client hears of it. While a modification is under way nothing is handed out, so that whoever changes
 * what waits changes all of it. One modification at a time; what a crash cuts off in the middle is changed as far as it came.
 */
import { WrError } from '../core/errors.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';
import { type ModChanges, mayChangeKeys, modified } from '../core/modification.ts';
import { EDITABLE } from '../core/modify-rows.ts';
import type { ModifyRequest } from '../core/protocol-control.ts';
import { templateJson } from '../core/template.ts';
import type { Template } from '../core/templates.ts';
import { refuseUnusableChanges } from '../core/unusable-options.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import type { RekeyResult } from '../workers/rekey.ts';
import type { Archive } from './archive.ts';
import type { Clock } from './clock.ts';
import { FirstAnswers } from './first-answers.ts';
import type { KeyPairs } from './key-pairs.ts';
import { gatherLimits, type Limits } from './limits.ts';
import { ModifyBatch } from './modify-batch.ts';
import { drained, type Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import { NOT_RELINKED, type Relinked, relink } from './relink.ts';
import type { RunnerDesk } from './runner-desk.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import { SegmentChanges } from './segment-changes.ts';
import type { Selection } from './selection.ts';
import type { SharedContent } from './shared-content.ts';
import type { Tasks } from './tasks.ts';
import { unseenText } from './unseen-text.ts';
import { whyNever } from './why-never.ts';

/** Jobs changed between two commits. What is done for all of them in one go, encoding what changed, must not take long. */
const BATCH_JOBS = 16_384;
/** Keys of so many jobs in one message. */
const PAIRS_MAX = 4_096;
const WARNINGS_MAX = 20;
const DEMANDS = ['memoryMb', 'cpus', 'resources'] as const satisfies readonly (keyof JobOptions)[];
const ANSWERS_MAX = 1_000;

export interface ModifyingOptions {
  readonly queue: JobQueue;
  readonly store: KeyValueReader;
  readonly tasks: Tasks;
  readonly selection: Selection;
  readonly persist: Persist;
  readonly archive: Archive;
  readonly limits: Limits;
  readonly shared: SharedContent;
  readonly desk: RunnerDesk;
  readonly scheduler: Pick<Scheduler, 'capacity'>;
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  readonly onReady: () => void;
}

interface Counts {
  readonly changed: number;
  readonly eligible: number;
  /** Of options with which commands can never run. */
  readonly warnings: readonly string[];
}

export class Modifying {
  readonly #options: ModifyingOptions;
  /** The modification under way, and those that wait for it. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #answers = new FirstAnswers<Counts>(ANSWERS_MAX);

  constructor(options: ModifyingOptions) {
    this.#options = options;
  }

  /** @throws {WrError} DRAINING, NOT_SUPPORTED, BAD_OPTION, STORE_FULL: nothing was changed; NOT_DURABLE */
  async answer(peer: Peer, request: ModifyRequest): Promise<void> {
    const counts = await this.#answers.once(request.requestId, () => this.#begin(peer, request));
    peer.post({ type: 'changed', id: request.id, ...counts });
  }

  #begin(peer: Peer, request: ModifyRequest): Promise<Counts> {
    if (this.#options.isDraining())
      throw new WrError('DRAINING', 'the manager is draining: nothing can be changed');
    refuseUnusableChanges(request.changes.options);
    this.#options.persist.refuseIfFailing();
    const counts = this.#last.then(() => this.#modify(peer, request));
    this.#last = counts.catch(() => undefined);
    return counts;
  }

  async #modify(peer: Peer, { id, select, changes }: ModifyRequest): Promise<Counts> {
    const { queue, desk, archive, selection, onReady } = this.#options;
    // Complete keys that are looked up stay known as long.
    const generation = archive.enter();
    const leave = queue.uses.enter();
    desk.hold(true);
    queue.dependencies.pin();
    try {
      const numbers = await selection.numbers(select, EDITABLE);
      if (changes.cmd !== null && numbers.length > 1)
        throw new WrError('BAD_OPTION', `--cmdline changes one command, and ${numbers.length} were selected`);
      await this.#setLimits(changes);
      const warnings = new Set<string>();
      let changed = 0;
      let taken = 0;
      let next = this.#rekey(numbers, 0, changes);
      for (let at = 0; at < numbers.length; at += BATCH_JOBS) {
        const batch = numbers.slice(at, at + BATCH_JOBS);
        const keys = await next;
        next = this.#rekey(numbers, at + BATCH_JOBS, changes);
        const done = await this.#batch(peer, id, batch, changes, keys, warnings);
        changed += done.count;
        taken += done.taken;
        peer.post({ type: 'modProgress', id, done: at + batch.length, total: numbers.length });
      }
      if (taken > 0) warnings.add(takenText(taken));
      return { changed, eligible: numbers.length, warnings: [...warnings].slice(0, WARNINGS_MAX) };
    } finally {
      archive.leave(generation);
      leave();
      queue.dependencies.unpin();
      desk.hold(false);
      onReady();
    }
  }

  async #setLimits({ options }: ModChanges): Promise<void> {
    if (options.limitGroups === undefined) return;
    const limits = new Map<string, number>();
    gatherLimits({ limitGroups: options.limitGroups }, limits, new Set());
    await this.#options.limits.set(limits);
  }

  /** The keys of the next batch, computed while this one is written; `null`: none changes. */
  #rekey(numbers: Uint32Array, at: number, changes: ModChanges): Promise<RekeyResult | null> {
    if (at >= numbers.length || !mayChangeKeys(changes)) return Promise.resolve(null);
    const keys = this.#options.tasks.rekey({ numbers: numbers.slice(at, at + BATCH_JOBS), changes });
    keys.catch(() => undefined); // Whoever waits for it hears of it.
    return keys;
  }

  async #batch(
    peer: Peer,
    id: number,
    numbers: Uint32Array,
    changes: ModChanges,
    rekeyed: RekeyResult | null,
    warnings: Set<string>,
  ): Promise<{ readonly count: number; readonly taken: number }> {
    const { persist } = this.#options;
    const templates = await this.#templates(numbers, changes);
    for (const { options } of templates.values()) this.#warn(options, changes, warnings);
    const links = await this.#relink(numbers, changes);
    for (const mark of links.marks) persist.add(mark);
    const disk = new SegmentChanges(this.#options, links);
    const batch = new ModifyBatch(this.#options, { numbers, changes, templates, disk, rekeyed });
    try {
      await batch.change();
    } finally {
      disk.end();
    }
    for (const name of links.unseen) warnings.add(unseenText(name));
    await persist.written();
    await this.#tell(peer, id, batch.pairs);
    return { count: batch.pairs.count, taken: batch.taken };
  }

  /** What was asked for anew may be more than there is: such commands are buried once they are ready. */
  #warn(options: JobOptions, { options: changed }: ModChanges, warnings: Set<string>): void {
    if (!DEMANDS.some((field) => changed[field] !== undefined)) return;
    const { queue, scheduler } = this.#options;
    const { memoryMb, cpus } = scheduler.capacity;
    const { resources } = queue.groups;
    const why = whyNever(options, { memoryMb, cpus, units: (name) => resources.units(name) });
    if (why !== '') warnings.add(`so changed, commands can never run here and will be buried: ${why}`);
  }

  /** First of all, as it may be refused. */
  #relink(numbers: Uint32Array, { options }: ModChanges): Promise<Relinked> {
    if (options.deps === undefined && options.cmdDeps === undefined) return Promise.resolve(NOT_RELINKED);
    const { table } = this.#options.queue;
    const editable = [...numbers].filter((number) => ((1 << table.state(number)) & EDITABLE) !== 0);
    return relink(this.#options, editable, options);
  }

  /** New templates by the id of the old one; they are on disk before any job has one. */
  async #templates(numbers: Uint32Array, changes: ModChanges): Promise<ReadonlyMap<number, Template>> {
    const { queue, shared, persist } = this.#options;
    const templates = new Map<number, Template>();
    let last: number | undefined;
    for (const number of numbers) {
      const old = queue.table.chunkOf(number)?.template[rowOf(number)];
      if (old === undefined || old === last) continue;
      last = old;
      if (templates.has(old)) continue;
      templates.set(old, shared.template(templateJson(modified(queue.templates.get(old).options, changes))));
    }
    const { writes, saved } = shared.take();
    if (writes.length === 0) return templates;
    for (const write of writes) persist.add(write);
    await persist.written();
    saved();
    return templates;
  }

  async #tell(peer: Peer, id: number, pairs: KeyPairs): Promise<void> {
    const { clock } = this.#options;
    for (let at = 0; at < pairs.count; at += PAIRS_MAX) {
      await drained(peer, clock);
      peer.post({ type: 'modified', id, pairs: pairs.bytes(at, Math.min(pairs.count, at + PAIRS_MAX)) });
      // In a frame of its own: one large one would take long to put together.
      await clock.turn();
    }
  }
}

function takenText(count: number): string {
  const [are, they] = count === 1 ? ['1 of them is', 'it'] : [`${count} of them are`, 'they'];
  return `${are} left as ${they} ${count === 1 ? 'is' : 'are'}: so changed, ${they} would be the same as another command that is queued or complete`;
}
