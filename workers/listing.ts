/**
 * Which jobs a listing shows, in which order: those of a report group through its segments, or everything in memory,
 * or given numbers. Works on numbers; a job is read only when it is shown.
 */
import { type JobTable, rowOf } from '../core/job-table.ts';
import { isLive, STATE } from '../core/states.ts';
import { readDirectory, readGroupSegments, replacedBy } from '../store/layout.ts';
import { GroupMatcher, type WantedSet } from './group-matcher.ts';
import type { JobReader } from './job-reader.ts';
import { groupsNeverSeen } from './unseen-groups.ts';

export interface ListingScope {
  /** Report group ids with their names; `null`: every job in the queue. */
  readonly repGroups: readonly { readonly id: number; readonly name: string }[] | null;
  /** Sets of report groups that hold any of these. */
  readonly sets?: readonly WantedSet[];
  /** These jobs only, in this order; `null`: not by number. */
  readonly numbers: Uint32Array | null;
  /** Complete jobs of the report groups in the order in which they are shown; those not among them come after. */
  readonly ordered?: Uint32Array;
  /** Bits of the states wanted. */
  readonly mask: number;
  /** Besides them, dependent jobs that wait for a dependency group never seen. */
  readonly missingDeps?: boolean;
  /** Only jobs that ended from then on, Unix ms: looked at when they are read. */
  readonly endedSinceMs?: number;
  /** Of a summary: only jobs that run or ran on this host; looked at when they are read. */
  readonly host?: string;
}

/** A job of a listing, not read yet. */
export interface Candidate {
  readonly number: number;
  readonly state: number;
  readonly exitCode: number;
  readonly reason: number;
  /** Where the next page begins with it: of given numbers its place among them, else its number. */
  readonly place: number;
}

/**
 * Candidates in the order of job numbers, beginning at `from`. Jobs in the queue first (phase 0); then complete ones, those in
 * order (phase 1) and the others (phase 2).
 */
export function* candidates(
  scope: ListingScope,
  reader: JobReader,
  table: JobTable,
  from: { readonly phase: number; readonly number: number },
): Iterable<Candidate & { readonly phase: number }> {
  if (scope.numbers !== null) {
    for (let i = from.number; i < scope.numbers.length; i += 1) {
      const found = candidate(scope.numbers[i] as number, table);
      if (isWanted(found.number, found.state, scope, reader, table)) yield { ...found, phase: 0, place: i };
    }
    return;
  }
  if (from.phase === 0) {
    for (const found of inQueue(scope, reader, table, from.number)) yield { ...found, phase: 0 };
  }
  if (scope.repGroups === null || (scope.mask & (1 << STATE.complete)) === 0) return;
  const { ordered } = scope;
  if (ordered !== undefined && from.phase < 2) {
    for (let place = from.phase === 1 ? from.number : 0; place < ordered.length; place += 1) {
      const number = ordered[place] as number;
      if (isHistory(number, reader, table)) yield { ...complete(number, place), phase: 1 };
    }
  }
  const shown = ordered === undefined ? undefined : new Set(ordered);
  const phase = ordered === undefined ? 1 : 2;
  for (const found of inHistory(scope, reader, table, from.phase === phase ? from.number : 0))
    if (shown === undefined || !shown.has(found.number)) yield { ...found, phase };
}

/**
 * The numbers alone, of what is in the queue: what a change of a million jobs begins with. Columns are walked, as a step of a
 * generator for each job would cost several times that.
 */
export function numbersInQueue(scope: ListingScope, reader: JobReader, table: JobTable): Uint32Array {
  const matcher = new GroupMatcher(scope, reader);
  let numbers = new Uint32Array(1_024);
  let count = 0;
  for (const range of ranges(scope, reader, table, 0)) {
    for (let number = range.from; number < range.to; ) {
      const end = Math.min(range.to, (number | chunkEndMask) + 1);
      const chunk = table.chunkOf(number);
      if (chunk === undefined) {
        number = end;
        continue;
      }
      const { state, template } = chunk;
      if (count + end - number > numbers.length) {
        const grown = new Uint32Array(2 * (count + end - number));
        grown.set(numbers.subarray(0, count));
        numbers = grown;
      }
      let last = -1;
      let isMatch = false;
      for (let row = rowOf(number); number < end; number += 1, row += 1) {
        if ((scope.mask & (1 << (state[row] as number))) === 0) continue;
        const id = template[row] as number;
        if (id !== last) {
          isMatch = scope.repGroups === null || matcher.matchesTemplate(id);
          last = id;
        }
        if (isMatch || (matcher.hasSets && matcher.matches(number, id))) numbers[count++] = number;
      }
    }
  }
  return numbers.slice(0, count);
}

function* inQueue(
  scope: ListingScope,
  reader: JobReader,
  table: JobTable,
  from: number,
): Iterable<Candidate> {
  const matcher = new GroupMatcher(scope, reader);
  for (const range of ranges(scope, reader, table, from)) {
    for (let number = Math.max(range.from, from); number < range.to; number += 1) {
      const chunk = table.chunkOf(number);
      if (chunk === undefined) {
        number |= chunkEndMask; // Nothing of this chunk is in the queue.
        continue;
      }
      const state = chunk.state[rowOf(number)] as number;
      if (!isLive(state) || !matcher.matches(number, chunk.template[rowOf(number)] as number)) continue;
      if (isWanted(number, state, scope, reader, table)) yield candidate(number, table);
    }
  }
}

const chunkEndMask = 0xffff;

function* inHistory(
  scope: ListingScope,
  reader: JobReader,
  table: JobTable,
  from: number,
): Iterable<Candidate> {
  const matcher = new GroupMatcher(scope, reader);
  for (const range of groupRanges(scope.repGroups ?? [], reader, from)) {
    for (let number = Math.max(range.from, from); number < range.to; number += 1) {
      if (!isHistory(number, reader, table)) continue;
      const template =
        table.state(number) === STATE.complete
          ? table.chunkOf(number)?.template[rowOf(number)]
          : reader.storedTemplateId(number);
      if (template === undefined || !matcher.matches(number, template)) continue;
      yield complete(number, number);
    }
  }
}

/** Not in the queue: complete or gone. One whose command is in the queue again is listed as that. */
function isHistory(number: number, reader: JobReader, table: JobTable): boolean {
  const state = table.state(number);
  if (state !== STATE.none && state !== STATE.complete) return false;
  const by = reader.hasReplaced ? replacedBy(reader.store, number) : undefined;
  return by === undefined || table.state(by) === STATE.none;
}

function complete(number: number, place: number): Candidate {
  return { number, state: STATE.complete, exitCode: 0, reason: 0, place };
}

function candidate(number: number, table: JobTable): Candidate {
  const chunk = table.chunkOf(number);
  const row = rowOf(number);
  const state = chunk?.state[row] ?? STATE.none;
  if (chunk === undefined || state === STATE.none || state === STATE.complete) {
    return complete(number, number);
  }
  const exitCode = chunk.exitCode[row] as number;
  return { number, state, exitCode, reason: chunk.reason[row] as number, place: number };
}

function isWanted(
  number: number,
  state: number,
  { mask, missingDeps }: ListingScope,
  reader: JobReader,
  table: JobTable,
): boolean {
  if ((mask & (1 << state)) !== 0) return true;
  return (
    missingDeps === true && state === STATE.dependent && groupsNeverSeen(number, reader, table).length > 0
  );
}

function ranges(
  scope: ListingScope,
  reader: JobReader,
  table: JobTable,
  from: number,
): Iterable<{ readonly from: number; readonly to: number }> {
  if (scope.repGroups === null) return [{ from: 1, to: table.end }];
  return groupRanges(scope.repGroups, reader, from);
}

/** The segments of some report groups as ranges of numbers, ascending, each once. */
function groupRanges(
  repGroups: readonly { readonly id: number }[],
  reader: JobReader,
  from: number,
): { readonly from: number; readonly to: number }[] {
  const firsts = new Set<number>();
  for (const { id } of repGroups) for (const first of readGroupSegments(reader.store, id)) firsts.add(first);
  const found: { from: number; to: number }[] = [];
  for (const first of [...firsts].sort((a, b) => a - b)) {
    const entry = readDirectory(reader.store, first);
    if (entry !== undefined && first + entry.count > from)
      found.push({ from: first, to: first + entry.count });
  }
  return found;
}
