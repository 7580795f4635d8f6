/** Gives jobs that wait other options: their rows move to other cohorts and lanes, run by run. */
import type { JobStates } from './job-states.ts';
import { rowOf } from './job-table.ts';
import { STATE, stateMask } from './states.ts';
import type { Template } from './templates.ts';

/** What may be changed: what no runner holds and is not over (since-0.36.md §4.1), and what is suspended. */
export const EDITABLE = stateMask(['ready', 'delayed', 'dependent', 'buried', 'suspended']);

/**
 * Gives a run of jobs that are alike (`runAt`) another template.
 * @param priority - theirs from now on; `null`: it stays
 */
export function retemplate(
  states: JobStates,
  first: number,
  count: number,
  template: Template,
  priority: number | null,
): void {
  const chunk = states.chunk(first);
  const row = rowOf(first);
  const end = row + count;
  const before = states.cohortOf(first);
  const old = states.templateOf(first);
  const used = old.options.retries;
  const after = states.cohorts.intern(template.options, before.grown);
  const was = chunk.priority[row] as number;
  const is = priority ?? was;
  const isReady = chunk.state[row] === STATE.ready;
  if (isReady) before.group.ready.leftRun(before, was, first, count);
  // The new ones first: what both have in common is not given up in between.
  states.templates.retain(template.id, count);
  if (after !== template.cohort) states.cohorts.retain(after, count);
  if (before !== old.cohort) states.cohorts.release(before, count);
  states.templates.release(old.id, count);
  chunk.template.fill(template.id, row, end);
  chunk.cohort.fill(after.id, row, end);
  chunk.priority.fill(is, row, end);
  // Retries used up stay used up.
  for (let at = row; at < end && template.options.retries !== used; at += 1)
    chunk.retriesLeft[at] = Math.max(
      0,
      template.options.retries - (used - (chunk.retriesLeft[at] as number)),
    );
  if (isReady) after.group.ready.giveBackRun(after, is, first, count);
  states.groups.note(before.group);
  states.groups.note(after.group);
}

/**
 * Gives a job another key.
 * @param keys - four words of it stand at `at`
 * @returns false when another job in memory has it: nothing changed
 */
export function rekey(states: JobStates, number: number, keys: Uint32Array, at: number): boolean {
  const k0 = keys[at] as number;
  const k1 = keys[at + 1] as number;
  const k2 = keys[at + 2] as number;
  const k3 = keys[at + 3] as number;
  if (states.keys.find(k0, k1, k2, k3) !== 0) return false;
  states.keys.remove(number);
  const { key } = states.chunk(number);
  const row = rowOf(number) * 4;
  key[row] = k0;
  key[row + 1] = k1;
  key[row + 2] = k2;
  key[row + 3] = k3;
  states.keys.claim(number, k0, k1, k2, k3);
  return true;
}
