/**
 * Asks: how long does one call that changes, suspends or removes a million commands take, and does the manager answer others meanwhile?
 * With --cwd_matters each command gets another key.
 */
import { plainLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, settle, sizeName, withManager } from './question.ts';

const TARGET_MS = 5_000;
const DELAY_P99_TARGET_MS = 10;
/** Others ask all the while. */
const ASK_EVERY_MS = 20;

interface Measured {
  readonly wallMs: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** The slowest answer that someone else got meanwhile. */
  readonly answerMs: number;
}

async function measure(context: Context, manager: BenchManager, argv: readonly string[]): Promise<Measured> {
  await settle(context);
  const probe = await manager.probe();
  await probe.status();
  let answerMs = 0;
  const asking = setInterval(async () => {
    const askedMs = performance.now();
    await probe.counts();
    answerMs = Math.max(answerMs, performance.now() - askedMs);
  }, ASK_EVERY_MS);
  const { wallMs } = await manager.wr(argv);
  clearInterval(asking);
  const { loopDelayP99Ms, loopDelayMaxMs } = await probe.status();
  probe.close();
  return { wallMs, delayP99Ms: loopDelayP99Ms, delayMaxMs: loopDelayMaxMs, answerMs };
}

function rows(what: string, { wallMs, delayP99Ms, delayMaxMs, answerMs }: Measured): Row[] {
  return [
    {
      figure: what,
      target: `≤ ${seconds(TARGET_MS)}`,
      measured: seconds(wallMs),
      reference: `slowest answer to others ${answerMs.toFixed(0)} ms`,
      ratio: '',
      met: wallMs <= TARGET_MS,
    },
    {
      figure: 'main thread meanwhile, p99',
      target: `≤ ${DELAY_P99_TARGET_MS} ms`,
      measured: `${delayP99Ms.toFixed(1)} ms`,
      reference: `longest ${delayMaxMs.toFixed(1)} ms`,
      ratio: '',
      met: delayP99Ms <= DELAY_P99_TARGET_MS,
    },
  ];
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    const all = ['-i', 'bench'];
    return [
      ...rows(
        `wr mod of ${sizeName(count)} commands`,
        await measure(context, manager, ['mod', ...all, '--priority', '5']),
      ),
      ...rows(
        `wr mod --cwd_matters of ${sizeName(count)} commands`,
        await measure(context, manager, ['mod', ...all, '--cwd_matters']),
      ),
      ...rows(
        `wr suspend of ${sizeName(count)} commands`,
        await measure(context, manager, ['suspend', ...all]),
      ),
      ...rows(
        `wr remove of ${sizeName(count)} commands`,
        await measure(context, manager, ['remove', ...all]),
      ),
    ];
  });
}

export const mod1m: Question = {
  name: 'mod-1m',
  asks: 'What does it take to change a million commands?',
  ask,
};
