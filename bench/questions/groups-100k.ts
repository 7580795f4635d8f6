/**
 * Asks: what do 100,000 scheduler groups with ready commands cost? How long does a plan take in the pool, and is the main
 * thread still free while commands of ever other groups run, each of which has a new plan made?
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PlanTable } from '../../core/plan-table.ts';
import { PoolRunners } from '../../server/pools.ts';
import type { Row } from '../harness/table.ts';
import { median } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, scaled, settle, sizeName, withManager } from './question.ts';

const GROUPS = 100_000;
const PLAN_TARGET_MS = 100;
const LOOP_TARGET_MS = 10;
const RUN_MS = 8_000;
const PLANS = 9;
const MEMORIES = 1_000;
/** So many scheduler groups share a limit group, of 1,000 in all. */
const SHARERS = 100;

/** Each asks for something else, and every second one shares a limit group. */
function groupLine(index: number): string {
  return JSON.stringify({
    cmd: `true ${index}`,
    memory: `${1_000 + (index % MEMORIES)}M`,
    disk: Math.floor(index / MEMORIES),
    cpus: 0.5,
    override: 2,
    ...(index % 2 === 0 ? {} : { limit_grps: [`limit${Math.floor(index / (2 * SHARERS))}:5`] }),
  });
}

/** Plans of the same groups, made in the pool from a table like the manager's. */
async function timePlans(groups: number): Promise<number> {
  const table = new PlanTable();
  for (let id = 0; id < groups; id += 1) {
    table.addGroup({ id, memoryMb: 1_000 + (id % MEMORIES), cpus: 0.5 });
    table.noteGroup(id, 1, 0, id % 5);
    if (id % (2 * SHARERS) === 0) table.setBound(table.addBound(false), 5, 0);
    if (id % 2 === 1) table.bind(id, [{ bound: Math.floor(id / (2 * SHARERS)), need: 1 }]);
  }
  const runners = new PoolRunners();
  try {
    const times: number[] = [];
    for (let i = 0; i < PLANS; i += 1) {
      const startedMs = performance.now();
      const capacity = { cpus: 64, memoryMb: 256_000 };
      const { ids } = await runners.plan({ how: 'pack', capacity, table: table.view, nowMs: Date.now() });
      if (ids.length === 0) throw new Error('a plan gave nobody anything');
      times.push(performance.now() - startedMs);
    }
    return median(times);
  } finally {
    await runners.close();
  }
}

async function ask(context: Context): Promise<Row[]> {
  const groups = scaled(context, GROUPS);
  const path = context.files.write('groups', groups, groupLine);
  const planMs = await timePlans(groups);
  return withManager(context, { flags: ['--max_cores', '2'] }, async (manager) => {
    await addAll(manager, path, groups);
    await settle(context);
    const probe = await manager.probe();
    try {
      const before = (await probe.counts('bench')).complete;
      await probe.status();
      const startedMs = performance.now();
      await sleep(lasting(context, RUN_MS));
      const { loopDelayP99Ms, loopDelayMaxMs } = await probe.status();
      const ran = (await probe.counts('bench')).complete - before;
      const perSecond = Math.round(ran / ((performance.now() - startedMs) / 1000));
      return [
        {
          figure: `plan of ${sizeName(groups)} scheduler groups with ready commands, in the pool`,
          target: `≤ ${PLAN_TARGET_MS} ms`,
          measured: `${planMs.toFixed(0)} ms`,
          reference: '',
          ratio: '',
          met: planMs <= PLAN_TARGET_MS,
        },
        {
          figure: `main thread p99 while commands of ${sizeName(groups)} groups run`,
          target: `≤ ${LOOP_TARGET_MS} ms`,
          measured: `${loopDelayP99Ms.toFixed(1)} ms`,
          reference: `max ${loopDelayMaxMs.toFixed(0)} ms, ${perSecond} commands/s`,
          ratio: '',
          met: loopDelayP99Ms <= LOOP_TARGET_MS,
        },
      ];
    } finally {
      probe.close();
    }
  });
}

export const groups100k: Question = {
  name: 'groups-100k',
  asks: 'What do many scheduler groups cost a plan and the main thread?',
  ask,
};
