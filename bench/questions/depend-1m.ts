/**
 * Asks: what do dependencies cost a million commands, each waiting for the one before it, or all for the same one, against
 * the same lines without them; and how fast do they drain?
 */
import { runFleet } from '../fleet/fleet.ts';
import { plainLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const RATIO_MAX = 2;
const DRAIN_MS = 6_000;
const RUNNERS = 100;

const aloneLine = (i: number): string => `{"cmd":"true ${i}"}`;
const chainLine = (i: number): string => `{"cmd":"true ${i}","cmd_deps":[{"cmd":"true ${i - 1}","cwd":""}]}`;
const groupChainLine = (i: number): string => `{"cmd":"true ${i}","dep_grps":["s${i}"],"deps":["s${i - 1}"]}`;
const rootLine = (): string => 'true root';

interface Comparison {
  readonly figure: string;
  readonly file: string;
  readonly plain: string;
  readonly flags: readonly string[];
  /** Before the dependants. */
  readonly prepare?: (manager: BenchManager) => Promise<unknown>;
}

async function addTo(
  context: Context,
  path: string,
  count: number,
  { prepare, flags }: Pick<Comparison, 'prepare' | 'flags'>,
): Promise<number> {
  return withManager(context, NO_RUNNERS, async (manager) => {
    await prepare?.(manager);
    return addAll(manager, path, count, 'bench', flags);
  });
}

async function compare(context: Context, count: number, comparison: Comparison): Promise<Row> {
  const { figure, file, plain } = comparison;
  const with_: number[] = [];
  const without: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    without.push(await addTo(context, plain, count, { flags: [] }));
    with_.push(await addTo(context, file, count, comparison));
  }
  const ratio = median(with_) / median(without);
  return {
    figure: `add ${sizeName(count)} commands, ${figure}`,
    target: `≤ ${RATIO_MAX} × without`,
    measured: seconds(median(with_)),
    reference: `${seconds(median(without))} without`,
    ratio: ratio.toFixed(2),
    met: ratio <= RATIO_MAX,
  };
}

/** One runner goes along the chain: one result on disk after the other. */
async function drainChain(context: Context, count: number, path: string): Promise<Row> {
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    const { cycles, busyMs } = await runFleet({
      target: manager,
      runners: 1,
      drivers: 1,
      mode: 'cycle',
      durationMs: lasting(context, DRAIN_MS),
    });
    const { stdout } = await manager.wr(['status', '-i', 'bench', '-o', 'counts']);
    const complete = Number(/complete: (\d+)/.exec(stdout)?.[1]);
    const dependent = Number(/dependent: (\d+)/.exec(stdout)?.[1]);
    if (complete + dependent < count - 1 || complete < cycles - 1)
      throw new Error(`the chain broke: ${stdout}`);
    return {
      figure: `links of that chain a second, each result durable before the next starts`,
      target: '',
      measured: `${Math.round((cycles / busyMs) * 1000)}/s`,
      reference: `${complete} complete, ${dependent} waiting`,
      ratio: '',
      met: true,
    };
  });
}

/** From the end of the one to all of the others ready; then they run. */
async function drainOne(context: Context, count: number, path: string): Promise<Row[]> {
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addRoot(context, manager);
    await addAll(manager, path, count, 'bench', ['--deps', 'root']);
    const probe = await manager.probe();
    await probe.status();
    const { cycles, busyMs } = await runFleet({
      target: manager,
      runners: Math.min(RUNNERS, Math.ceil(count / 10)),
      drivers: 1,
      mode: 'cycle',
      durationMs: lasting(context, DRAIN_MS),
    });
    const { loopDelayMaxMs } = await probe.status();
    probe.close();
    return [
      {
        figure: `cycles a second once the one is done, ${RUNNERS} simulated runners`,
        target: '',
        measured: `${Math.round((cycles / busyMs) * 1000).toLocaleString('en')}/s`,
        reference: `longest hold of the manager's thread ${loopDelayMaxMs.toFixed(0)} ms`,
        ratio: '',
        met: true,
      },
    ];
  });
}

function addRoot(context: Context, manager: BenchManager): Promise<number> {
  return addAll(manager, context.files.write('root', 1, rootLine), 1, 'root', ['--dep_grps', 'root']);
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const { files } = context;
  const plain = files.write('plain', count, plainLine);
  const alone = files.write('alone', count, aloneLine);
  const chain = files.write('chain', count, chainLine);
  const groupChain = files.write('group-chain', count, groupChainLine);
  const one = {
    figure: 'all waiting for one (--deps)',
    file: plain,
    plain,
    flags: ['--deps', 'root'],
    prepare: (manager: BenchManager) => addRoot(context, manager),
  };
  return [
    await compare(context, count, {
      figure: 'each waiting for the one before it (cmd_deps)',
      file: chain,
      plain: alone,
      flags: [],
    }),
    await compare(context, count, {
      figure: 'the same by a group each (dep_grps, deps)',
      file: groupChain,
      plain: alone,
      flags: [],
    }),
    await compare(context, count, one),
    await drainChain(context, count, chain),
    ...(await drainOne(context, count, plain)),
  ];
}

export const depend1m: Question = {
  name: 'depend-1m',
  asks: 'What do dependencies of many commands cost?',
  ask,
};
