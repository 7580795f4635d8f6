/** Asks: what do ten thousand connected runners cost that only touch? */
import { runFleet } from '../fleet/fleet.ts';
import type { Row } from '../harness/table.ts';
import { megabytes } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { lasting, NO_RUNNERS, scaled, settle, sizeName, withManager } from './question.ts';

const MEMORY_TARGET_BYTES = 250e6;
const CPU_TARGET = 0.05;
const TOUCH_MS = 15_000;
const DURATION_MS = 32_000;
const MEASURED_MS = 30_000;
const DRIVERS = 4;

async function ask(context: Context): Promise<Row[]> {
  const runners = scaled(context, 10_000);
  const measuredMs = lasting(context, MEASURED_MS);
  return withManager(context, NO_RUNNERS, async (manager) => {
    let cpuShare = Number.NaN;
    let rssBytes = Number.NaN;
    let measuring: Promise<void> = Promise.resolve();
    await runFleet({
      target: manager,
      runners,
      drivers: DRIVERS,
      mode: 'idle',
      intervalMs: TOUCH_MS,
      durationMs: lasting(context, DURATION_MS),
      onConnected: async () => {
        context.say(`${runners} runners connected`);
        await settle(context); // The handshakes are not what is asked for.
        const before = manager.cpuSeconds();
        measuring = new Promise((resolve) => {
          setTimeout(() => {
            cpuShare = (manager.cpuSeconds() - before) / (measuredMs / 1000);
            rssBytes = manager.memory().rssBytes;
            resolve();
          }, measuredMs);
        });
      },
    });
    await measuring;
    return [
      {
        figure: `${sizeName(runners)} idle runners, touching every 15 s: manager memory`,
        target: `≤ ${megabytes(MEMORY_TARGET_BYTES)}`,
        measured: megabytes(rssBytes),
        reference: '',
        ratio: '',
        met: rssBytes <= MEMORY_TARGET_BYTES,
      },
      {
        figure: `${sizeName(runners)} idle runners, touching every 15 s: manager CPU`,
        target: `< ${CPU_TARGET * 100} % of a core`,
        measured: `${(cpuShare * 100).toFixed(1)} %`,
        reference: '',
        ratio: '',
        met: cpuShare < CPU_TARGET,
      },
    ];
  });
}

export const idle10k: Question = { name: 'idle-10k', asks: 'What do idle runners cost?', ask };
