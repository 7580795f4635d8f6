/**
 * Asks: does the add of ten million lines stay linear, within memory, and does the manager keep answering during it and
 * while running with all of them queued?
 */
import { runFleet } from '../fleet/fleet.ts';
import { plainLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { megabytes, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const TIME_TARGET_MS = 8_000;
const MEMORY_TARGET_BYTES = 1.2e9;
const DELAY_P99_TARGET_MS = 10;
const DELAY_MAX_TARGET_MS = 50;
const RUN_MS = 8_000;

interface Delay {
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
}

/** Does something between two status requests, of which each starts a new window. */
async function delayDuring<T>(
  manager: BenchManager,
  act: () => Promise<T>,
): Promise<{ result: T; delay: Delay }> {
  const probe = await manager.probe();
  try {
    await probe.status();
    const result = await act();
    return { result, delay: await probe.status() };
  } finally {
    probe.close();
  }
}

function delayRow(figure: string, { loopDelayP99Ms, loopDelayMaxMs }: Delay): Row {
  return {
    figure,
    target: `p99 ≤ ${DELAY_P99_TARGET_MS} ms, max ≤ ${DELAY_MAX_TARGET_MS} ms`,
    measured: `p99 ${loopDelayP99Ms.toFixed(1)} ms, max ${loopDelayMaxMs.toFixed(1)} ms`,
    reference: '',
    ratio: '',
    met: loopDelayP99Ms <= DELAY_P99_TARGET_MS && loopDelayMaxMs <= DELAY_MAX_TARGET_MS,
  };
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e7);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    const add = await delayDuring(manager, () => addAll(manager, path, count));
    const memory = manager.memory();
    const run = await delayDuring(manager, () =>
      runFleet({
        target: manager,
        runners: 1_000,
        drivers: 1,
        mode: 'paced',
        intervalMs: 250,
        durationMs: lasting(context, RUN_MS),
      }),
    );
    return [
      {
        figure: `add ${sizeName(count)} plain lines`,
        target: `≤ ${seconds(TIME_TARGET_MS)}`,
        measured: seconds(add.result),
        reference: '',
        ratio: '',
        met: add.result <= TIME_TARGET_MS,
      },
      {
        figure: `manager memory with ${sizeName(count)} queued (peak)`,
        target: `≤ ${megabytes(MEMORY_TARGET_BYTES)}`,
        measured: megabytes(memory.peakRssBytes),
        reference: `${megabytes(memory.anonymousBytes)} now, without mapped files`,
        ratio: '',
        met: memory.peakRssBytes <= MEMORY_TARGET_BYTES,
      },
      delayRow(`main-thread delay while adding ${sizeName(count)}`, add.delay),
      delayRow(`main-thread delay while running with ${sizeName(count)} queued`, run.delay),
    ];
  });
}

export const add10m: Question = { name: 'add-10m', asks: 'Does size cost more than its share?', ask };
