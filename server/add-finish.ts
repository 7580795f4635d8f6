/**
 * The end of an add: all of it goes to disk, and only then are its jobs queued and is it answered. What clients want to
 * know besides, the keys and under which report groups duplicates completed, is told after that.
 */
import type { Claim } from '../core/claims.ts';
import type { AddedReply } from '../core/client-replies.ts';
import type { AddEnd } from '../core/client-requests.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { setTemplateIds } from '../core/segment.ts';
import type { Template } from '../core/templates.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import type { AddResult } from '../store/request-tables.ts';
import type { RerunPart } from '../workers/reruns.ts';
import { AddCommit } from './add-commit.ts';
import type { AddPart } from './add-part.ts';
import type { Archive } from './archive.ts';
import { type Clock, Slices } from './clock.ts';
import { CompletedBefore } from './completed-before.ts';
import type { DryRun } from './dry-run.ts';
import type { FailStops } from './fail-stops.ts';
import { findAlsoUnder } from './found-under.ts';
import type { Limits } from './limits.ts';
import { drained } from './peer.ts';
import type { SegmentIds } from './segment-ids.ts';
import type { SharedContent } from './shared-content.ts';
import type { Tasks } from './tasks.ts';
import type { Upload } from './upload.ts';

/** Keys in one `addKeys` message. */
const KEYS_PER_MESSAGE = 32_768;

export interface FinishingParts {
  readonly queue: JobQueue;
  readonly store: KeyValueStore;
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly archive: Archive;
  readonly limits: Limits;
  readonly shared: SharedContent;
  readonly failStops: FailStops;
  readonly segments: SegmentIds;
  /** Resolves when what has changed so far is on disk. */
  readonly flushed: () => Promise<void>;
  readonly onAdded: () => void;
}

export class AddFinish {
  readonly #parts: FinishingParts;
  readonly #commit: AddCommit;

  constructor(parts: FinishingParts) {
    this.#parts = parts;
    this.#commit = new AddCommit({ ...parts, rerunPart: (found) => this.#rerunPart(found) });
  }

  /**
   * Puts an add whose end was seen on disk, makes its jobs ready and answers it; one that is only tried is only answered.
   * @throws {WrError} when nothing of it was queued: STORE_FULL, STORE_FAILED and what else its commit refuses
   */
  async finish(upload: Upload, end: AddEnd): Promise<AddResult> {
    if (upload.dry !== undefined) return this.#finishDry(upload, upload.dry, end);
    await Promise.all(upload.stagings);
    return this.#parts.archive.during(() => this.#finish(upload, end));
  }

  async #finish(upload: Upload, end: AddEnd): Promise<AddResult> {
    const parts = await this.#parts.archive.lookUp(upload.parts);
    // First the limits, then what they hold: also for duplicates, and whatever becomes of the add.
    await this.#parts.limits.set(upload.limits);
    await this.#parts.failStops.give(upload.maxFails);
    for (const warning of this.#parts.failStops.warnings(upload.repGroups)) upload.warnings.add(warning);
    const { result, claims } = await this.#commitParts(upload, parts);
    this.#parts.failStops.added(upload.repGroups);
    this.#parts.onAdded();
    // The add is on disk: not to be able to tell the rest is no failure of it.
    const more = await this.#tellMore(upload, parts, claims, end.id).catch((error: unknown) => ({
      warnings: [
        ...result.warnings,
        `the commands are added, but not all could be told of them: ${asWrError(error).message}`,
      ],
    }));
    upload.peer.post({ type: 'added', id: end.id, ...answer(result), ...more });
    return result;
  }

  /** What clients want to know besides. */
  async #tellMore(
    upload: Upload,
    parts: readonly AddPart[],
    claims: readonly Claim[],
    id: number,
  ): Promise<Partial<AddedReply>> {
    await this.#findAlso(parts, claims);
    if (upload.begin.wantKeys) await this.#sendKeys(upload, parts, claims, id);
    return this.#completedBefore(parts, claims);
  }

  /** What was asked for again and is in the queue is found under the new report group, too. */
  async #findAlso(parts: readonly AddPart[], claims: readonly Claim[]): Promise<void> {
    const slices = new Slices(this.#parts.clock);
    for (const [i, { templates, templateIndex }] of parts.entries()) {
      const askedAgain = claims[i]?.askedAgain ?? [];
      for (let at = 0; at < askedAgain.length; at += 2) {
        const template = templates[templateIndex?.[askedAgain[at] as number] ?? 0] as Template;
        findAlsoUnder(this.#parts.queue, askedAgain[at + 1] as number, template.repGroup);
        await slices.pause();
      }
    }
    if (this.#parts.queue.retallied.size > 0) await this.#parts.flushed();
  }

  async #finishDry(upload: Upload, dry: DryRun, end: AddEnd): Promise<AddResult> {
    const sums = await dry.sums();
    for (const warning of await dry.linked()) upload.warnings.add(warning);
    const { usedDefaultRepGroup } = upload;
    const warnings = [...upload.warnings].sort();
    const result = { ...sums, usedDefaultRepGroup, warnings, bsubId: 0, atMs: 0 };
    upload.peer.post({ type: 'added', id: end.id, ...answer(result), ...sums });
    return result;
  }

  /** Under which report groups those commands completed that are duplicates because of that. */
  async #completedBefore(
    parts: readonly AddPart[],
    claims: readonly Claim[],
  ): Promise<Partial<ReturnType<CompletedBefore['summary']>>> {
    if (!claims.some(({ completeAt }) => completeAt !== null)) return {};
    const completed = new CompletedBefore(this.#parts.queue, this.#parts.tasks);
    for (const [i, { templates, templateIndex }] of parts.entries()) {
      const completeAt = claims[i]?.completeAt ?? null;
      const repGroups = templates.map(({ options }) => options.repGroup);
      if (completeAt !== null) await completed.take({ completeAt, repGroups, repGroupIndex: templateIndex });
    }
    return completed.summary();
  }

  async #commitParts(
    upload: Upload,
    parts: readonly AddPart[],
  ): Promise<{ readonly result: AddResult; readonly claims: readonly Claim[] }> {
    const sum = (claims: readonly Claim[], of: 'count' | 'queued' | 'complete'): number =>
      claims.reduce((total, claim) => total + claim[of], 0);
    const { rerun, requestId } = upload.begin;
    return this.#commit.commit(parts, {
      requestId,
      rerun,
      nextSegment: () => this.#parts.segments.next,
      shared: () => this.#parts.shared.take(),
      stored: () => {
        upload.isStored = true;
      },
      result: (claims, linked) => ({
        added: sum(claims, 'count') + linked.rerun,
        queued: sum(claims, 'queued'),
        complete: sum(claims, 'complete'),
        usedDefaultRepGroup: upload.usedDefaultRepGroup,
        warnings: [...upload.warnings, ...linked.warnings].sort(),
        bsubId: linked.bsubId,
        atMs: this.#parts.clock.nowMs(),
      }),
    });
  }

  /** Complete jobs that run again become part of the add. */
  #rerunPart(found: RerunPart): AddPart {
    const { segment: bytes, keys, templates, templateIndex, priorities, links, numbers: inHistory } = found;
    const shared = templates.map((json) => this.#parts.shared.template(json));
    setTemplateIds(
      bytes,
      shared.map((template) => template.id),
    );
    const segment = this.#parts.segments.take();
    return {
      segment,
      bytes,
      keys,
      templates: shared,
      templateIndex,
      priorities,
      links,
      inHistory,
      array: null,
    };
  }

  async #sendKeys(
    upload: Upload,
    parts: readonly AddPart[],
    claims: readonly Claim[],
    id: number,
  ): Promise<void> {
    for (const [i, part] of parts.entries()) {
      const completeAt = claims[i]?.completeAt ?? null;
      const keys = completeAt === null ? part.keys : withoutMarked(part.keys, completeAt);
      for (let at = 0; at < keys.byteLength; at += KEYS_PER_MESSAGE * 16) {
        await drained(upload.peer, this.#parts.clock);
        upload.peer.post({ type: 'addKeys', id, keys: keys.subarray(at, at + KEYS_PER_MESSAGE * 16) });
      }
    }
  }
}

/** What the client is told of it. */
export function answer({
  added,
  queued,
  complete,
  usedDefaultRepGroup,
  warnings,
  bsubId,
}: AddResult): Omit<AddResult, 'atMs'> {
  return { added, queued, complete, usedDefaultRepGroup, warnings, bsubId };
}

function withoutMarked(keys: Uint8Array, marked: Uint32Array): Uint8Array {
  const kept = new Uint8Array(keys.byteLength);
  let at = 0;
  for (let i = 0; i < marked.length; i += 1) {
    if (marked[i] !== 0) continue;
    kept.set(keys.subarray(i * 16, i * 16 + 16), at);
    at += 16;
  }
  return kept.subarray(0, at);
}
