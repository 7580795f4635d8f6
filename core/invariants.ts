/** What must hold of a queue after each step (reliability.md (b), as far as its parts exist). Tests call it; it is slow. */

import type { Cohort } from './cohorts.ts';
import { checkDependencies } from './dependency-invariants.ts';
import { chooseFigures, sameFigures } from './figures.ts';
import { JOB_FLAG } from './job-flags.ts';
import type { JobQueue } from './job-queue.ts';
import { FIRST_JOB_NUMBER, rowOf, type TableChunk } from './job-table.ts';
import { NOTHING_LEARNED } from './learning.ts';
import { UNBOUNDED } from './plan-table.ts';
import { schedulerGroupOf } from './requirements.ts';
import type { SchedulerGroup } from './scheduler-groups.ts';
import { isHeld, isLive, STATE, STATE_COUNT, STATE_NAMES, stateName } from './states.ts';

/**
 * @returns a sentence per violation, each beginning with the invariant's name; empty when all hold
 */
export function checkInvariants(queue: JobQueue): string[] {
  const faults: string[] = [];
  const counts = new Map<string, number>();
  const ready = new Map<number, number>();
  const held = new Map<number, number>();
  const cohorts = new Map<number, number>();
  const keys = new Map<string, number>();
  const rows = new Map<TableChunk, number>();
  for (let number = FIRST_JOB_NUMBER; number < queue.table.end; number += 1) {
    const state = queue.table.state(number);
    if (state === STATE.none) continue;
    const chunk = queue.table.chunkOf(number);
    if (chunk === undefined) continue;
    if (!isLive(state)) {
      if (queue.attempts.byNumber(number) !== undefined)
        faults.push(`I7: ${stateName(state)} job ${number} has an open attempt`);
      continue; // Its row may be left from a job that is archived.
    }
    add(rows, chunk);
    const cohort = queue.cohortOf(number);
    add(counts, `${queue.tallyOf(number)} ${state}`);
    if (state === STATE.ready) {
      add(ready, cohort.group.id);
      add(cohorts, cohort.id);
    }
    const heldBack = (chunk.flags[rowOf(number)] as number) & JOB_FLAG.heldDelayed;
    if (isLive(state) && state !== STATE.suspended && heldBack !== 0)
      faults.push(`I7: ${stateName(state)} job ${number} is marked as one that was held back`);
    const attempt = queue.attempts.byNumber(number);
    if (isHeld(state)) {
      if (attempt !== undefined) add(held, attempt.group);
      if (attempt === undefined) faults.push(`I4: ${stateName(state)} job ${number} has no attempt`);
      else if (queue.attempts.byToken(attempt.token) !== attempt)
        faults.push(`I4: attempt ${attempt.token} is not found`);
    } else if (attempt !== undefined)
      faults.push(`I7: ${stateName(state)} job ${number} has an open attempt`);
    if (isLive(state)) {
      const key = queue.table.keyHex(number);
      const other = keys.get(key);
      if (other !== undefined) faults.push(`I8: jobs ${other} and ${number} both have the key ${key}`);
      keys.set(key, number);
      const at = rowOf(number) * 4;
      const k = chunk.key;
      const found = queue.keys.find(
        k[at] as number,
        k[at + 1] as number,
        k[at + 2] as number,
        k[at + 3] as number,
      );
      if (found !== number) faults.push(`I10: the key of job ${number} leads to ${found}`);
      if (queue.segments.isFinished(number) && queue.segments.size > 0)
        faults.push(`I10: live job ${number} is marked finished`);
    }
  }
  for (const [chunk, live] of rows)
    if (live > chunk.occupied) faults.push(`I16: ${live} live jobs in a chunk that counts ${chunk.occupied}`);
  checkCounts(queue, counts, faults);
  checkBsubIds(queue, faults);
  checkDependencies(queue, faults);
  for (const group of queue.groups.all()) {
    const { id } = group;
    if (group.ready.ready !== (ready.get(id) ?? 0)) {
      faults.push(
        `I2: group ${group.name} counts ${group.ready.ready} ready jobs, there are ${ready.get(id) ?? 0}`,
      );
    }
    if (group.held !== (held.get(id) ?? 0)) {
      faults.push(`I4: group ${group.name} counts ${group.held} held jobs, there are ${held.get(id) ?? 0}`);
    }
    const active = group.ready.ready > 0 || group.held > 0;
    if (active !== queue.groups.active.has(group))
      faults.push(`I2: group ${group.name} is not where planning looks`);
  }
  checkCohorts(queue, cohorts, faults);
  checkUsers(queue, faults);
  checkLimits(queue, faults);
  const open = [...held.values()].reduce((sum, n) => sum + n, 0);
  if (open !== queue.attempts.size)
    faults.push(`I4: ${queue.attempts.size} attempts are open, ${open} jobs are held`);
  return faults;
}

/** What jobs need stays in memory, and is known to be needed by so many. */
function checkUsers({ templates, cohorts, groups, table }: JobQueue, faults: string[]): void {
  const users = new Map<Cohort, number>();
  const live = new Map<number, number>();
  for (let number = FIRST_JOB_NUMBER; number < table.end; number += 1) {
    const chunk = table.chunkOf(number);
    const row = rowOf(number);
    if (chunk === undefined || !isLive(chunk.state[row] as number)) continue;
    add(live, chunk.template[row] as number);
    const cohort = cohorts.get(chunk.cohort[row] as number);
    if (templates.get(chunk.template[row] as number).cohort !== cohort) add(users, cohort);
  }
  for (const [id, rows] of templates.rows()) {
    add(users, templates.get(id).cohort);
    // Complete jobs that are not archived yet have theirs too.
    if (rows < (live.get(id) ?? 0))
      faults.push(`I11: template ${id} counts ${rows} jobs, there are ${live.get(id)}`);
  }
  const served = new Map<SchedulerGroup, number>();
  for (const cohort of cohorts.all()) {
    if (cohort.users < (users.get(cohort) ?? 0))
      faults.push(`I11: a cohort counts ${cohort.users} users, there are ${users.get(cohort) ?? 0}`);
    add(served, cohort.home);
    add(served, cohort.group);
  }
  for (const group of groups.all())
    if (group.users !== (served.get(group) ?? 0))
      faults.push(
        `I11: group ${group.name} counts ${group.users} users, there are ${served.get(group) ?? 0}`,
      );
}

/** Jobs are served where their figures say, and where they are looked for. */
function checkCohorts(queue: JobQueue, ready: ReadonlyMap<number, number>, faults: string[]): void {
  for (const cohort of queue.cohorts.all()) {
    const { id } = cohort;
    const { asked, chosen, group, home, usage, grown } = cohort;
    const name = schedulerGroupOf({ ...asked, ...chosen.figures });
    const learned = usage?.recommendation ?? NOTHING_LEARNED;
    const wanted = chooseFigures(asked, learned, grown, queue.cohorts.memoryMbMax);
    if (!sameFigures(wanted.figures, chosen.figures))
      faults.push(`I9: a cohort is given ${name}, which is not what it asked for, learned or grew to`);
    if (group.name !== name) faults.push(`I2: a cohort that is given ${name} is served in ${group.name}`);
    if (home.away.has(cohort) !== (group !== home))
      faults.push(`I2: a cohort of ${home.name} in ${group.name} is not found from there`);
    if (cohort.ready.ready !== (ready.get(id) ?? 0))
      faults.push(`I2: a cohort counts ${cohort.ready.ready} ready jobs, there are ${ready.get(id) ?? 0}`);
    if (cohort.at >= 0 !== cohort.ready.ready > 0)
      faults.push(`I2: a cohort with ${cohort.ready.ready} ready jobs stands at ${cohort.at}`);
    const shown = queue.cohorts.table.read(id);
    if (shown === undefined || !sameFigures(shown.figures, chosen.figures))
      faults.push(`I9: a cohort that is given ${name} is shown otherwise`);
  }
}

/** Limit groups count the open attempts of their members, are within their limits, and planning sees the same. */
function checkLimits({ groups, attempts }: JobQueue, faults: string[]): void {
  const held = new Map<string, number>();
  const users = new Map<string, number>();
  for (const { group } of attempts.all()) for (const name of groups.get(group).limitNames) add(held, name);
  for (const { limitNames } of groups.active) for (const name of limitNames) add(users, name);
  const view = groups.table.view;
  for (const limit of groups.limits.all()) {
    const { name, bound } = limit;
    if (limit.held !== (held.get(name) ?? 0))
      faults.push(`I5: limit group ${name} counts ${limit.held} attempts, there are ${held.get(name) ?? 0}`);
    if (limit.limit >= 0 && limit.held > Math.max(limit.limit, limit.excess))
      faults.push(`I5: ${limit.held} of limit group ${name} are open, ${limit.limit} may be`);
    if (limit.users !== (users.get(name) ?? 0))
      faults.push(`I5: limit group ${name} has ${users.get(name) ?? 0} users and counts ${limit.users}`);
    if (limit.users === 0 && limit.limit < 0) faults.push(`I5: limit group ${name} is in memory for nothing`);
    const max = limit.shut ? 0 : limit.limit < 0 ? UNBOUNDED : limit.limit;
    if (view.boundHeld[bound] !== limit.held || view.boundMax[bound] !== max)
      faults.push(`I5: planning has other numbers of limit group ${name}`);
  }
  checkResources(groups, attempts, faults);
  for (const name of users.keys())
    if (groups.limits.find(name) === undefined) faults.push(`I5: limit group ${name} is not in memory`);
  for (const group of groups.active) {
    const { id, ready } = group;
    if (view.ready[id] !== ready.ready || view.held[id] !== group.held)
      faults.push(`I2: planning has other numbers of group ${group.name}`);
    if (groups.holding.has(group) !== group.held > 0)
      faults.push(`I4: group ${group.name} is not where holders are looked for`);
  }
}

/** Each unit of a resource is with one attempt, and those that are with none are free. */
function checkResources(
  { resources, active, table }: JobQueue['groups'],
  attempts: JobQueue['attempts'],
  faults: string[],
): void {
  const holders = new Map<string, number>();
  for (const { token, resources: ids } of attempts.all()) {
    for (const [name, units] of Object.entries(ids ?? {})) {
      for (const unit of units) {
        const other = holders.get(`${name} ${unit}`);
        if (other !== undefined) faults.push(`I6: attempts ${other} and ${token} both have ${name} ${unit}`);
        holders.set(`${name} ${unit}`, token);
      }
    }
  }
  let taken = 0;
  for (const { name, bound, units, taken: ids, used, users } of resources.all()) {
    taken += ids.size;
    for (const unit of ids)
      if (!holders.has(`${name} ${unit}`)) faults.push(`I6: ${name} ${unit} is taken and nobody has it`);
    if (used > units || used !== [...ids].filter((unit) => unit < units).length)
      faults.push(`I6: ${used} of ${units} units of ${name} are said to be used`);
    const asking = [...active].filter((group) => Object.hasOwn(group.resources, name)).length;
    if (users !== asking) faults.push(`I6: ${name} has ${asking} users and counts ${users}`);
    if (table.view.boundMax[bound] !== units || table.view.boundHeld[bound] !== used)
      faults.push(`I6: planning has other numbers of ${name}`);
  }
  if (taken !== holders.size) faults.push(`I6: attempts have ${holders.size} units, ${taken} are taken`);
}

function checkCounts(queue: JobQueue, counts: ReadonlyMap<string, number>, faults: string[]): void {
  for (let id = 0; id < queue.repGroups.end; id += 1) {
    for (let state = 1; state < STATE_COUNT; state += 1) {
      // Archived jobs are counted and have no row.
      if (state === STATE.complete || state === STATE.removed) continue;
      const counted = queue.repGroups.count(id, state);
      const there = counts.get(`${id} ${state}`) ?? 0;
      if (counted !== there) {
        faults.push(
          `I1: ${queue.repGroups.groupsOf(id).map((group) => queue.repGroups.name(group))} counts ${counted} ${STATE_NAMES[state]} jobs, there are ${there}`,
        );
      }
    }
  }
}

/** Every job with a bsub mode that is wanted has an LSF job id, which leads back to it. */
function checkBsubIds(queue: JobQueue, faults: string[]): void {
  const { bsub, table } = queue;
  let before = { first: 0, count: 0 };
  let known = { id: 0, numbers: new Set<number>() };
  for (const run of bsub.runs) {
    if (run.first < before.first + before.count)
      faults.push(`LSF ids: the run from job ${run.first}, id ${run.id}, overlaps the one before it`);
    before = run;
  }
  for (let number = FIRST_JOB_NUMBER; number < table.end; number += 1) {
    if (!isLive(table.state(number)) || queue.templateOf(number).options.bsubMode === '') continue;
    const id = bsub.idOf(number);
    if (id !== known.id) known = { id, numbers: new Set(bsub.numbersOf(id)) };
    if (id === 0 || !known.numbers.has(number)) faults.push(`LSF ids: job ${number} has the id ${id}`);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
