/**
 * Changes to consecutive jobs that are alike, as one step: a million plain jobs are a few hundred runs, whose counts and
 * lanes move along at once.
 */
import type { JobStates } from './job-states.ts';
import { CHUNK_ROWS, rowOf } from './job-table.ts';
import { type JobEvent, nextStateCode, STATE } from './states.ts';

/** The longest run: what one step may take on the main thread. */
const RUN_MAX = 8_192;

/**
 * How many of `numbers` from `at` on are consecutive jobs of one chunk that are alike in all that decides where they stand.
 * @param numbers - ascending
 */
export function runAt(states: JobStates, numbers: Uint32Array, at: number): number {
  const first = numbers[at] as number;
  const chunk = states.table.chunkOf(first);
  if (chunk === undefined) return 1;
  const row = rowOf(first);
  const most = Math.min(numbers.length - at, CHUNK_ROWS - row, RUN_MAX);
  const { state, template, cohort, priority, flags, sets } = chunk;
  let length = 1;
  while (
    length < most &&
    numbers[at + length] === first + length &&
    state[row + length] === state[row] &&
    template[row + length] === template[row] &&
    cohort[row + length] === cohort[row] &&
    priority[row + length] === priority[row] &&
    flags[row + length] === flags[row] &&
    (sets === null || sets[row + length] === sets[row])
  )
    length += 1;
  return length;
}

/**
 * Moves a run of {@link runAt} on.
 * @throws {WrError} BAD_TRANSITION
 */
export function moveRun(states: JobStates, first: number, count: number, event: JobEvent): void {
  const chunk = states.chunk(first);
  const row = rowOf(first);
  const from = chunk.state[row] as number;
  const to = nextStateCode(from, event);
  chunk.state.fill(to, row, row + count);
  states.repGroups.move(states.tallyOf(first), from, to, count);
  if (from !== STATE.ready && to !== STATE.ready) return;
  const cohort = states.cohortOf(first);
  const { group } = cohort;
  const priority = chunk.priority[row] as number;
  if (from === STATE.ready) group.ready.leftRun(cohort, priority, first, count);
  if (to === STATE.ready) group.ready.giveBackRun(cohort, priority, first, count);
  states.groups.note(group);
}
