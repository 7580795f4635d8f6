/**
 * An add that is only tried: each frame is judged and forgotten again, so that an input of any size takes the memory of
 * its keys. Nothing is interned, claimed, numbered or stored, and no limit is set.
 */
import type { AddedReply } from '../core/client-replies.ts';
import type { AddBegin } from '../core/client-requests.ts';
import { DryClaims, VERDICT } from '../core/dry-claims.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { parseTemplate } from '../core/template.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import type { Archive } from './archive.ts';
import { type Clock, Slices } from './clock.ts';
import { CompletedBefore } from './completed-before.ts';
import { DryLinks } from './dry-links.ts';
import { drained, type Peer } from './peer.ts';
import type { Tasks } from './tasks.ts';

export interface DryRunParts {
  readonly queue: JobQueue;
  readonly store: KeyValueStore;
  readonly tasks: Tasks;
  readonly archive: Archive;
  readonly clock: Clock;
}

type DrySums = Pick<
  AddedReply,
  'added' | 'queued' | 'repeated' | 'complete' | 'completeHere' | 'completeElsewhere'
>;

export class DryRun {
  readonly #parts: DryRunParts;
  readonly #peer: Peer;
  readonly #begin: AddBegin;
  readonly #claims: DryClaims;
  readonly #links: DryLinks;
  readonly #completed: CompletedBefore;
  readonly #slices: Slices;
  readonly #counts = new Float64Array(Object.keys(VERDICT).length);
  /** Commands whose meaning may still be shown. */
  #toShow: number;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: DryRunParts, peer: Peer, begin: AddBegin) {
    this.#parts = parts;
    this.#peer = peer;
    this.#begin = begin;
    this.#claims = new DryClaims(parts.queue, begin.rerun);
    this.#completed = new CompletedBefore(parts.queue, parts.tasks);
    this.#slices = new Slices(parts.clock);
    this.#links = new DryLinks(parts, this.#claims, this.#slices);
    this.#toShow = begin.dryRun === undefined ? 0 : begin.dryRun.show || Number.POSITIVE_INFINITY;
  }

  /**
   * Judges the commands of a frame, after those of the frames before it.
   * @param count - of its commands, so many are wanted
   * @param linesBefore - input lines before this frame
   */
  take(result: IngestResult, count: number, linesBefore: number): Promise<void> {
    this.#last = this.#last.then(() => this.#take(result, count, linesBefore));
    return this.#last;
  }

  /**
   * Once every frame was judged: whether its commands can wait for what they are to wait for.
   * @returns warnings
   * @throws {WrError} DEPENDENCY_CYCLE naming commands
   */
  async linked(): Promise<readonly string[]> {
    await this.#last;
    return this.#links.finish();
  }

  /** What would be added, once every frame was judged. */
  async sums(): Promise<DrySums> {
    await this.#last;
    const count = (verdict: keyof typeof VERDICT): number => this.#counts[VERDICT[verdict]] as number;
    const repeated = count('repeated');
    const queued = count('queued') + repeated;
    return {
      added: count('new'),
      queued,
      repeated,
      complete: count('complete'),
      ...this.#completed.summary(),
    };
  }

  async #take(result: IngestResult, count: number, linesBefore: number): Promise<void> {
    if (count > 0) await this.#parts.archive.during(() => this.#judge(result, count, linesBefore));
  }

  async #judge(result: IngestResult, count: number, linesBefore: number): Promise<void> {
    const keys = result.keys.subarray(0, count * 16);
    const inHistory = await this.#parts.archive.find(keys);
    const first = this.#claims.table.end;
    const { verdicts, completeAt } = this.#claims.judge(keys, inHistory);
    const lines = result.lineNumbers?.map((line) => line + linesBefore) ?? null;
    await this.#links.take(result, verdicts, first, lines);
    for (const verdict of verdicts) (this.#counts[verdict] as number) += 1;
    if (completeAt !== null) {
      const repGroups = result.templates.map((json) => parseTemplate(json).repGroup);
      await this.#completed.take({ completeAt, repGroups, repGroupIndex: result.templateIndex });
    }
    await this.#show(result, verdicts, lines);
    await this.#slices.pause();
  }

  async #show(result: IngestResult, verdicts: Uint8Array, lineNumbers: Uint32Array | null): Promise<void> {
    const count = Math.min(this.#toShow, verdicts.length);
    if (count === 0 || lineNumbers === null) return;
    this.#toShow -= count;
    const { segment, templates } = result;
    const frames = await this.#parts.tasks.preview({
      requestId: this.#begin.requestId,
      segment,
      templates,
      verdicts,
      lineNumbers,
      known: await this.#links.known(result),
      count,
    });
    for (const frame of frames) {
      await drained(this.#peer, this.#parts.clock);
      this.#peer.postFrame(frame);
    }
  }
}
