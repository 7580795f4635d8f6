/** Asks: how many reserve → start → complete cycles a second do 1,000 simulated runners get, and how long does a reserve take? */
import { runFleet } from '../fleet/fleet.ts';
import { plainLine } from '../harness/files.ts';
import type { Row } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const RUNNERS = 1_000;
const CYCLES_TARGET = 20_000;
const P99_TARGET_MS = 25;
const DURATION_MS = 12_000;
const QUEUED = 1e6;
/**
 * Each runner one cycle in so long: 10,000 cycles a second. Without a pause, 1,000 runners that always wait for their next
 * job would see 1,000 divided by the rate, 50 ms at 20,000/s, however fast each answer is.
 */
const PACED_INTERVAL_MS = 100;

const laterLine = (i: number): string => `true later ${i}`;

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, QUEUED);
  // Far fewer than jobs, so that none runs out of them.
  const runners = Math.min(RUNNERS, Math.ceil(count / 10));
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    const base = { target: manager, runners, drivers: 1 } as const;
    // First at full speed, so that the slower pace is measured on a manager that has warmed up.
    const full = await runFleet({ ...base, mode: 'cycle', durationMs: lasting(context, DURATION_MS) });
    await addAll(manager, context.files.write('later', count, laterLine), count);
    const paced = await runFleet({
      ...base,
      mode: 'paced',
      intervalMs: PACED_INTERVAL_MS,
      durationMs: lasting(context, DURATION_MS / 2),
    });
    const perSecond = (full.cycles / full.busyMs) * 1000;
    const pacedPerSecond = (paced.cycles / paced.busyMs) * 1000;
    return [
      {
        figure: `cycles a second, ${sizeName(runners)} simulated runners over TLS, results durable`,
        target: `≥ ${CYCLES_TARGET.toLocaleString('en')}/s`,
        measured: `${Math.round(perSecond).toLocaleString('en')}/s`,
        reference: `reserve p50 ${full.p50Ms.toFixed(1)}, p99 ${full.p99Ms.toFixed(1)} ms at that rate`,
        ratio: (perSecond / CYCLES_TARGET).toFixed(2),
        met: perSecond >= CYCLES_TARGET,
      },
      {
        figure: `p99 of a reserve, ${sizeName(runners)} simulated runners, ${Math.round(pacedPerSecond).toLocaleString('en')} cycles/s`,
        target: `≤ ${P99_TARGET_MS} ms`,
        measured: `${paced.p99Ms.toFixed(1)} ms`,
        reference: `p50 ${paced.p50Ms.toFixed(1)} ms`,
        ratio: '',
        met: paced.p99Ms <= P99_TARGET_MS,
      },
    ];
  });
}

export const cycles1000: Question = {
  name: 'cycles-1000',
  asks: 'How many cycles does the manager do a second?',
  ask,
};
