/**
 * The last step of an add: its jobs are numbered, duplicates taken out, everything written in one transaction, and only
 * then made ready. Long adds do this in slices, so that others have their turn.
 */
import { type Claim, KeyClaim, unclaim } from '../core/claims.ts';
import { WrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { filterSegment } from '../core/segment.ts';
import type { Template } from '../core/templates.ts';
import { type KeyValueStore, u32Key, type Write } from '../store/key-value.ts';
import {
  counterWrite,
  directoryWrite,
  dropSegmentWrite,
  groupSegmentWrite,
  liveWrite,
  segmentWrite,
  stagedWrite,
} from '../store/layout.ts';
import { type AddResult, requestWrites } from '../store/request-tables.ts';
import { AddBsubIds } from './add-bsub-ids.ts';
import { AddLinks, forgetLinks, type LinkingParts } from './add-links.ts';
import type { AddPart } from './add-part.ts';
import { type ClaimingAdd, ClaimsUnderWay, STALE } from './claims-under-way.ts';
import { type Clock, Slices } from './clock.ts';
import { newTallyWrites, replacements, retallyNew } from './found-under.ts';
import { holds } from './linked-part.ts';
import { type Replacement, Replacements } from './replaced-writes.ts';

/** Consecutive new jobs of one template. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly template: Template;
  readonly priorities: Uint8Array | null;
}

interface Claimed {
  readonly part: AddPart;
  readonly claim: Claim;
}

/** What an add is besides its jobs. */
export interface CommitRequest {
  readonly requestId: string;
  /** Run again what completed before. */
  readonly rerun: boolean;
  readonly nextSegment: () => number;
  /** Templates and environments that must be on disk with the jobs. */
  readonly shared: () => { readonly writes: readonly Write[]; readonly saved: () => void };
  /** Called as soon as all of it is on disk: whatever goes wrong afterwards, it is. */
  readonly stored: () => void;
  /** Completes the answer, which is stored in the same transaction. */
  readonly result: (claims: readonly Claim[], linked: LinkedResult) => AddResult;
}

/** What came of the add besides its jobs. */
export interface LinkedResult {
  /** Complete jobs that run again. */
  readonly rerun: number;
  readonly warnings: readonly string[];
  readonly bsubId: number;
}

/** Keys claimed between two looks at the clock: a millisecond as a rule, a few while the index grows. */
const CLAIM_STEP = 2_048;
/** Runs of jobs made ready between two looks at the clock. */
const RUNS_PER_STEP = 128;
const NO_BITS = new Uint8Array(0);

export class AddCommit {
  readonly #parts: LinkingParts;
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #underWay: ClaimsUnderWay;
  /** Links are made and gone to disk by one add at a time, or two might wait for each other. */
  #linking: Promise<void> = Promise.resolve();

  constructor(parts: LinkingParts) {
    this.#parts = parts;
    this.#queue = parts.queue;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#underWay = new ClaimsUnderWay(parts.queue.table, parts.clock);
  }

  /**
   * Adds the jobs of `parts` whose keys are new, and complete ones that must run again with them. On resolving, all of
   * them are on disk and in the queue, or none are.
   * @throws {WrError} DEPENDENCY_CYCLE, STORE_FULL, STORE_FAILED: nothing was queued
   */
  async commit(
    parts: readonly AddPart[],
    request: CommitRequest,
  ): Promise<{ readonly result: AddResult; readonly claims: readonly Claim[] }> {
    const add = this.#underWay.enter();
    const { claims } = add;
    try {
      const written = await this.#untilSettled(add, () => this.#claimAndWrite(parts, add, request));
      for (const { part, claim } of written.reruns) this.#describe(part, claim);
      await this.#activate([...pairs(parts, claims), ...written.reruns], written.replaced);
      return { result: written.result, claims };
    } finally {
      this.#underWay.leave(add);
    }
  }

  /** Begins again whenever an add has failed whose jobs were the reason to leave some out. */
  async #untilSettled<Result>(add: ClaimingAdd, act: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await act();
      } catch (thrown) {
        if (thrown !== STALE) throw thrown;
        add.claims.length = 0;
        add.reruns = [];
        await this.#underWay.again(add);
      }
    }
  }

  /** @throws STALE when the claims are to be made anew */
  async #settled(add: ClaimingAdd): Promise<void> {
    if (!(await this.#underWay.settled(add))) throw STALE;
  }

  /** Claims and writes; a failure takes the claims back. */
  async #claimAndWrite(
    parts: readonly AddPart[],
    add: ClaimingAdd,
    request: CommitRequest,
  ): Promise<{
    readonly result: AddResult;
    readonly reruns: readonly Claimed[];
    readonly replaced: readonly Replacement[];
  }> {
    const { claims } = add;
    const hasLinks = parts.some((part) => part.links !== null);
    const links = hasLinks ? new AddLinks(this.#parts) : undefined;
    add.reruns = links?.reruns ?? [];
    const bsubIds = new AddBsubIds(this.#queue);
    const replaced = new Replacements(this.#queue, this.#store, this.#clock);
    const leave = links === undefined ? undefined : await this.#enterLinking();
    try {
      await this.#claim(parts, request.rerun, claims, bsubIds);
      await this.#settled(add);
      await links?.link(parts, claims);
      const reruns = links?.reruns ?? [];
      const all = (): Claim[] => [...claims, ...reruns.map(({ claim }) => claim)];
      for (;;) {
        if (links !== undefined) await this.#settled(add); // Now also of what runs again.
        await this.#replace(all(), replaced);
        if (links === undefined || links.admit()) break;
        await links.catchUp();
      }
      const bsubId = bsubIds.first;
      for (const rerun of reruns) giveBsubIds(bsubIds, rerun);
      const result = request.result(claims, {
        rerun: reruns.reduce((sum, { claim }) => sum + claim.count, 0),
        warnings: links?.warnings() ?? [],
        bsubId,
      });
      const shared = request.shared();
      const writes = [...shared.writes, ...this.#writes([...pairs(parts, claims), ...reruns])];
      writes.push(...replaced.writes());
      for (const claim of replaced.pairs.length === 0 ? [] : all())
        writes.push(...newTallyWrites(this.#queue, claim.first, claim.count, replaced.pairs));
      if (links !== undefined) writes.push(...links.writes());
      writes.push(
        counterWrite('nextNumber', this.#queue.table.end),
        counterWrite('nextSegment', request.nextSegment()),
        ...bsubIds.writes(),
        ...requestWrites(request.requestId, result),
      );
      const committed = this.#store.commit(writes);
      leave?.();
      await committed;
      request.stored();
      bsubIds.confirm();
      shared.saved();
      return { result, reruns, replaced: replaced.pairs };
    } catch (error) {
      leave?.();
      replaced.undo();
      links?.undo();
      for (const claim of [...claims, ...(links?.reruns ?? []).map((rerun) => rerun.claim)]) {
        forgetLinks(this.#queue, claim); // Also of those that other adds wait for.
        unclaim(this.#queue, claim);
      }
      bsubIds.takeBack();
      throw error;
    } finally {
      if (links !== undefined) this.#queue.dependencies.unpin();
    }
  }

  /** Takes in the complete jobs that new ones are further runs of, but for those it has; what made them complete is on disk. */
  async #replace(claims: readonly Claim[], replaced: Replacements): Promise<void> {
    const all = Uint32Array.from(claims.flatMap((claim) => claim.replaced));
    // Claims come in the order of their jobs, and further ones behind those taken in.
    const numbers = all.subarray(2 * replaced.pairs.length);
    if (numbers.length === 0) return;
    const { tasks, flushed } = this.#parts;
    const complete = numbers.filter((_, i) => i % 2 === 1);
    if (complete.some((number) => this.#queue.changes.has(number))) await flushed();
    await replaced.take(replacements(this.#queue, numbers, await tasks.tallied(complete)));
  }

  /** @returns what lets the next one link */
  async #enterLinking(): Promise<() => void> {
    const before = this.#linking;
    let leave: () => void = () => undefined;
    this.#linking = new Promise((resolve) => (leave = resolve));
    await before;
    this.#queue.dependencies.pin();
    return leave;
  }

  async #claim(
    parts: readonly AddPart[],
    rerun: boolean,
    claims: Claim[],
    bsubIds: AddBsubIds,
  ): Promise<void> {
    const slices = new Slices(this.#clock);
    this.#queue.keys.expect(parts.reduce((sum, part) => sum + part.keys.byteLength / 16, 0));
    for (const part of parts) {
      const claim = await this.#claimPart(part, rerun, claims, slices);
      this.#describe(part, claim);
      giveBsubIds(bsubIds, { part, claim });
      await slices.pause();
    }
  }

  /** The claim is among `claims` all the while, so that a failure half-way takes it back. */
  async #claimPart(part: AddPart, rerun: boolean, claims: Claim[], slices: Slices): Promise<Claim> {
    const at = claims.length;
    const isOwn = (number: number): boolean => claims.some((claim) => holds(claim, number));
    const claiming = new KeyClaim(this.#queue, part.keys, part.inHistory, rerun, isOwn);
    for (;;) {
      const done = claiming.step(CLAIM_STEP);
      claims[at] = claiming.claim;
      if (done) return claiming.claim;
      await slices.pause();
    }
  }

  #describe(part: AddPart, claim: Claim): void {
    for (const run of runsOf(part, claim))
      this.#queue.describe(run.first, run.count, run.template, run.priorities);
  }

  #writes(claimed: readonly Claimed[]): Write[] {
    const writes: Write[] = [];
    claimed.forEach(({ part, claim }) => {
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

  async #activate(claimed: readonly Claimed[], replaced: readonly Replacement[]): Promise<void> {
    const slices = new Slices(this.#clock);
    for (const { part, claim } of claimed) {
      if (claim.count === 0) continue;
      const { first, count } = claim;
      this.#queue.segments.add({ first, count, segment: part.segment, finished: null, remaining: count });
      const waits = part.links !== null && part.links.waits.length + part.links.singles.length > 0;
      let runs = 0;
      for (const { first: from, count: jobs, template, priorities } of runsOf(part, claim)) {
        runs += 1;
        if (runs % RUNS_PER_STEP === 0) await slices.pause(); // Each may be a scheduler group of its own.
        if (waits) this.#queue.activateLinked(from, jobs, template, priorities !== null);
        else this.#queue.activate(from, jobs, template, priorities !== null);
        if (replaced.length > 0) retallyNew(this.#queue, from, jobs, replaced);
      }
      await slices.pause();
    }
  }
}

function pairs(parts: readonly AddPart[], claims: readonly Claim[]): Claimed[] {
  return parts.map((part, i) => ({ part, claim: claims[i] as Claim }));
}

function giveBsubIds(bsubIds: AddBsubIds, { part, claim }: Claimed): void {
  for (const { template, first, count } of runsOf(part, claim))
    bsubIds.give(template, first, count, part.array);
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
