/**
 * The last step of an add: its jobs are numbered, duplicates taken out, everything written in one transaction, and only
 * then made ready. Long adds do this in slices, so that others have their turn.
 */
import { type Claim, claimKeys, unclaim } from '../core/claims.ts';
import { WrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Template } from '../core/job-states.ts';
import { filterSegment } from '../core/segment.ts';
import { type KeyValueStore, u32Key, type Write } from '../store/key-value.ts';
import {
  type AddResult,
  counterWrite,
  directoryWrite,
  dropSegmentWrite,
  groupSegmentWrite,
  liveWrite,
  requestWrite,
  segmentWrite,
  stagedWrite,
} from '../store/layout.ts';
import { AddBsubIds } from './add-bsub-ids.ts';
import { type Clock, Slices } from './clock.ts';

/** A part of an add that was parsed: as many jobs as one frame held. */
export interface AddPart {
  /** Its id in the store. */
  readonly segment: number;
  /** The packed jobs; `null` once they are in the store. */
  readonly bytes: Uint8Array | null;
  readonly keys: Uint8Array;
  readonly templates: readonly Template[];
  /** Which of `templates` each job has; `null`: all the first. */
  readonly templateIndex: Uint32Array | null;
  /** `null`: the template's. */
  readonly priorities: Uint8Array | null;
  /** By job: the number of the archived complete job that has its key, or 0; `null`: none. */
  readonly inHistory: Uint32Array | null;
}

/** Consecutive new jobs of one template. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly template: Template;
  readonly priorities: Uint8Array | null;
}

const NO_BITS = new Uint8Array(0);

export class AddCommit {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  /** Adds whose claims are not on disk yet, by first and last claimed number. */
  readonly #underWay = new Set<{ readonly claims: Claim[]; readonly done: Promise<void> }>();

  constructor(queue: JobQueue, store: KeyValueStore, clock: Clock) {
    this.#queue = queue;
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Adds the jobs of `parts` whose keys are new. On resolving, all of them are on disk and in the queue, or none are.
   * @param shared - templates and environments that must be on disk with them
   * @param result - completes the answer, which is stored in the same transaction
   * @throws {WrError} STORE_FULL, STORE_FAILED: nothing was queued
   */
  async commit(
    parts: readonly AddPart[],
    rerun: boolean,
    nextSegment: number,
    requestId: string,
    shared: readonly Write[],
    result: (claims: readonly Claim[], bsubId: number) => AddResult,
  ): Promise<{ readonly result: AddResult; readonly claims: readonly Claim[] }> {
    const claims: Claim[] = [];
    let finish: () => void = () => undefined;
    const entry = { claims, done: new Promise<void>((resolve) => (finish = resolve)) };
    this.#underWay.add(entry);
    try {
      const answer = await this.#claimAndWrite(parts, rerun, nextSegment, requestId, shared, claims, result);
      await this.#activate(parts, claims);
      return { result: answer, claims };
    } finally {
      this.#underWay.delete(entry);
      finish();
    }
  }

  /** Claims and writes; a failure takes the claims back. */
  async #claimAndWrite(
    parts: readonly AddPart[],
    rerun: boolean,
    nextSegment: number,
    requestId: string,
    shared: readonly Write[],
    claims: Claim[],
    result: (claims: readonly Claim[], bsubId: number) => AddResult,
  ): Promise<AddResult> {
    const bsubIds = new AddBsubIds(this.#queue);
    try {
      await this.#claim(parts, rerun, claims, bsubIds);
      const answer = result(claims, bsubIds.first);
      const writes = [...shared, ...this.#writes(parts, claims)];
      writes.push(
        counterWrite('nextNumber', this.#queue.table.end),
        counterWrite('nextSegment', nextSegment),
      );
      writes.push(...bsubIds.writes(), requestWrite(requestId, answer));
      await this.#store.commit(writes);
      bsubIds.confirm();
      return answer;
    } catch (error) {
      for (const claim of claims) unclaim(this.#queue, claim);
      bsubIds.takeBack();
      throw error;
    }
  }

  async #claim(
    parts: readonly AddPart[],
    rerun: boolean,
    claims: Claim[],
    bsubIds: AddBsubIds,
  ): Promise<void> {
    const slices = new Slices(this.#clock);
    this.#queue.keys.expect(parts.reduce((sum, part) => sum + part.keys.byteLength / 16, 0));
    const isOwn = (number: number): boolean => claims.some((claim) => holds(claim, number));
    for (const part of parts) {
      const from = this.#queue.table.end;
      const claim = claimKeys(this.#queue, part.keys, part.inHistory, rerun, (n) => n >= from || isOwn(n));
      claims.push(claim);
      for (const run of runsOf(part, claim)) {
        this.#queue.describe(run.first, run.count, run.template, run.priorities);
        bsubIds.give(run.template, run.first, run.count);
      }
      await slices.pause();
    }
  }

  #writes(parts: readonly AddPart[], claims: readonly Claim[]): Write[] {
    const writes: Write[] = [];
    parts.forEach((part, i) => {
      const claim = claims[i] as Claim;
      if (part.bytes === null) writes.push(stagedWrite(part.segment, false));
      if (claim.count === 0) {
        if (part.bytes === null) writes.push(dropSegmentWrite(part.segment));
        return;
      }
      if (claim.keep !== null)
        writes.push(segmentWrite(part.segment, filterSegment(this.#bytes(part), claim.keep)));
      else if (part.bytes !== null) writes.push(segmentWrite(part.segment, part.bytes));
      writes.push(directoryWrite({ first: claim.first, segment: part.segment, count: claim.count }));
      writes.push(liveWrite(claim.first, NO_BITS));
      const repGroups = new Set(part.templates.map((template) => template.repGroup));
      for (const repGroup of repGroups) writes.push(groupSegmentWrite(repGroup, claim.first));
    });
    return writes;
  }

  #bytes(part: AddPart): Uint8Array {
    if (part.bytes !== null) return part.bytes;
    const bytes = this.#store.get('segments', u32Key(part.segment));
    if (bytes === undefined) throw new WrError('INTERNAL', `segment ${part.segment} is not where it was put`);
    return bytes;
  }

  async #activate(parts: readonly AddPart[], claims: readonly Claim[]): Promise<void> {
    const slices = new Slices(this.#clock);
    for (const [i, part] of parts.entries()) {
      const claim = claims[i] as Claim;
      if (claim.count === 0) continue;
      const { first, count } = claim;
      this.#queue.segments.add({ first, count, segment: part.segment, finished: null, remaining: count });
      for (const run of runsOf(part, claim)) {
        this.#queue.activate(run.first, run.count, run.template, run.priorities !== null);
      }
      await slices.pause();
    }
  }

  /** Duplicates of jobs that another add has claimed and not written: its success is part of our answer. */
  async waitForOthers(claims: readonly Claim[]): Promise<void> {
    const pending = claims.flatMap((claim) => claim.pending);
    if (pending.length === 0) return;
    for (const other of [...this.#underWay]) {
      if (pending.some((number) => other.claims.some((claim) => holds(claim, number)))) await other.done;
    }
    const lost = pending.filter((number) => this.#queue.table.state(number) === 0);
    if (lost.length > 0) {
      throw new WrError(
        'STORE_FAILED',
        `${lost.length} commands were being added by someone else, which failed; add them again`,
      );
    }
  }
}

function holds(claim: Claim, number: number): boolean {
  return number >= claim.first && number < claim.first + claim.count;
}

/** The new jobs of a part as runs of one template. */
function* runsOf(part: AddPart, claim: Claim): Iterable<Run> {
  const { first, count } = claim;
  if (count === 0) return;
  const priorities = part.priorities === null ? null : kept(part.priorities, claim, Uint8Array);
  if (part.templateIndex === null) {
    yield { first, count, template: part.templates[0] as Template, priorities };
    return;
  }
  const index = kept(part.templateIndex, claim, Uint32Array);
  for (let from = 0; from < count; ) {
    let to = from + 1;
    while (to < count && index[to] === index[from]) to += 1;
    const template = part.templates[index[from] as number] as Template;
    yield {
      first: first + from,
      count: to - from,
      template,
      priorities: priorities?.subarray(from, to) ?? null,
    };
    from = to;
  }
}

/** The members of a column that belong to jobs kept. */
function kept<Column extends Uint8Array | Uint32Array>(
  column: Column,
  claim: Claim,
  Type: new (length: number) => Column,
): Column {
  if (claim.keep === null) return column;
  const result = new Type(claim.count);
  let at = 0;
  for (let i = 0; i < column.length; i += 1) {
    if (claim.keep[i] === 1) result[at++] = column[i] as number;
  }
  return result;
}
