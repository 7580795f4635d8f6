/**
 * Asks: what does one more member cost a group of many members and many waiters (reliability.md S7): while it is open, when
 * it has closed, and when all that waited for it has completed?
 */
import { runFleet } from '../fleet/fleet.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Probe } from '../harness/probe.ts';
import type { Row } from '../harness/table.ts';
import { median } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, NO_RUNNERS, scaled, settle, withManager } from './question.ts';

const MEMBERS = 3_000;
const WAITERS = 30_000;
const GROUPS = 6_300;
const ADD_TARGET_MS = 50;
const MEMORY_TARGET_MB = 32;
const RECOVERY_TARGET_MS = 170;
const TIMES = 9;
const PATIENCE_MS = 60_000;

interface Sizes {
  readonly members: number;
  readonly waiters: number;
  readonly groups: number;
}

async function build(context: Context, manager: BenchManager, sizes: Sizes): Promise<void> {
  const { files } = context;
  const { members, waiters, groups } = sizes;
  const member = (i: number): string => `{"cmd":"true m${i}","dep_grps":["big"]}`;
  const small = (i: number): string => `{"cmd":"true g${i}","dep_grps":["g${i}"]}`;
  const waiter = (i: number): string =>
    `{"cmd":"true w${i}","deps":["big","g${i % groups}","g${(i * 7) % groups}","g${(i * 31) % groups}"]}`;
  await addAll(manager, files.write('members', members, member), members);
  await addAll(manager, files.write('groups', groups, small), groups);
  await addAll(manager, files.write('waiters', waiters, waiter), waiters);
}

/** One more member, several times. */
async function addMembers(probe: Probe, depGroup: string, name: string): Promise<number> {
  const times: number[] = [];
  for (let time = 0; time < TIMES; time += 1)
    times.push((await probe.add(`true ${name} ${time}\n`, { depGroups: [depGroup] })).ms);
  return median(times);
}

async function drain(context: Context, manager: BenchManager): Promise<void> {
  await runFleet({
    target: manager,
    runners: 20,
    drivers: 1,
    mode: 'cycle',
    durationMs: lasting(context, PATIENCE_MS),
    emptyMax: 3,
  });
}

function row(figure: string, ms: number, target: number | null, reference: string): Row {
  return {
    figure,
    target: target === null ? '' : `≤ ${target} ms`,
    measured: `${ms.toFixed(1)} ms`,
    reference,
    ratio: '',
    met: target === null || ms <= target,
  };
}

async function recovery(manager: BenchManager, jobs: number): Promise<number> {
  await manager.kill();
  const startedMs = performance.now();
  await manager.launch();
  const probe = await manager.probe();
  const { ready, dependent } = await probe.counts();
  const ms = performance.now() - startedMs;
  probe.close();
  if (ready + dependent < jobs) throw new Error(`${ready + dependent} of ${jobs} commands came back`);
  return ms;
}

async function ask(context: Context): Promise<Row[]> {
  const sizes = {
    members: scaled(context, MEMBERS),
    waiters: scaled(context, WAITERS),
    groups: scaled(context, GROUPS),
  };
  return withManager(context, NO_RUNNERS, async (manager) => {
    const emptyMs = await recovery(manager, 0);
    await build(context, manager, sizes);
    await settle(context);
    const probe = await manager.probe();
    const beforeBytes = manager.memory().anonymousBytes;
    const empty = await addMembers(probe, 'another', 'other');
    const open = await addMembers(probe, 'big', 'open');
    const grownMb = Math.max(0, manager.memory().anonymousBytes - beforeBytes) / 1e6;
    probe.close();
    const recoveryMs = await recovery(manager, sizes.members + sizes.groups + sizes.waiters);
    const rows = [
      row(
        'add a member to an open group, 3,000 members, 30,000 waiters',
        open,
        ADD_TARGET_MS,
        `${empty.toFixed(1)} ms to an empty group`,
      ),
      {
        figure: 'memory that these adds take',
        target: `≤ ${MEMORY_TARGET_MB} MB`,
        measured: `${grownMb.toFixed(1)} MB`,
        reference: '',
        ratio: '',
        met: grownMb <= MEMORY_TARGET_MB,
      },
      row(
        'manager killed with these waiting → answering again',
        recoveryMs - emptyMs,
        RECOVERY_TARGET_MS,
        `above the ${emptyMs.toFixed(0)} ms of an empty one`,
      ),
    ];
    return [...rows, ...(await closed(context, manager, sizes))];
  });
}

/** When all members are done: the group opens again before its waiters, and runs them again when they are complete. */
async function closed(context: Context, manager: BenchManager, sizes: Sizes): Promise<Row[]> {
  await drain(context, manager);
  const probe = await manager.probe();
  const reference = `${sizes.waiters.toLocaleString('en')} complete dependants`;
  await probe.status();
  const again = await probe.add('true again\n', { depGroups: ['big'] });
  if (context.scale === 1 && again.added !== sizes.waiters + 1)
    throw new Error(`${again.added} commands were added where ${sizes.waiters + 1} were due`);
  const { loopDelayMaxMs } = await probe.status();
  probe.close();
  return [
    row('add a member whose dependants all run again', again.ms, null, reference),
    row('longest hold of the manager’s thread meanwhile', loopDelayMaxMs, null, reference),
  ];
}

export const dependGroup: Question = {
  name: 'depend-group',
  asks: 'What does one more member cost a large dependency group?',
  ask,
};
