/** What the guard times: small and quick, and each the heart of a figure. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runFleet } from '../fleet/fleet.ts';
import type { CommandFiles } from '../harness/files.ts';
import { jsonLine, plainLine, trivialLine } from '../harness/files.ts';
import { BenchManager } from '../harness/manager.ts';
import { addAll, NO_RUNNERS } from '../questions/question.ts';
import { timeRun } from '../questions/run-10k.ts';

const ADDED = 200_000;
const ADDED_JSON = 30_000;
const RUN = 1_000;
const FLEET_RUNNERS = 200;
const FLEET_MS = 2_000;

export interface GuardTask {
  readonly name: string;
  /** One timing with one build. @returns what counts, smaller is better: ms, or ms per unit */
  readonly time: (binary: string, files: CommandFiles) => Promise<number>;
}

async function using<T>(
  binary: string,
  flags: readonly string[],
  use: (manager: BenchManager) => Promise<T>,
): Promise<T> {
  const manager = await BenchManager.start({ binary, flags });
  try {
    return await use(manager);
  } finally {
    await manager.remove();
  }
}

const noRunners = NO_RUNNERS.flags ?? [];

export const GUARD_TASKS: readonly GuardTask[] = [
  {
    name: `add ${ADDED} plain lines`,
    time: (binary, files) =>
      using(binary, noRunners, (manager) => addAll(manager, files.write('plain', ADDED, plainLine), ADDED)),
  },
  {
    name: `add ${ADDED_JSON} JSON lines`,
    time: (binary, files) =>
      using(binary, noRunners, (manager) =>
        addAll(manager, files.write('json', ADDED_JSON, jsonLine), ADDED_JSON),
      ),
  },
  {
    name: `run ${RUN} trivial commands`,
    time: (binary, files) =>
      using(binary, [], (manager) =>
        timeRun(manager, files.write('trivial', RUN, trivialLine), RUN, 'guard'),
      ),
  },
  {
    name: `${FLEET_RUNNERS} simulated runners, ms per 1,000 cycles`,
    time: (binary, files) =>
      using(binary, noRunners, async (manager) => {
        await addAll(manager, files.write('plain', ADDED, plainLine), ADDED);
        await sleep(500); // Writing of the add in the background ends.
        const fleet = {
          target: manager,
          runners: FLEET_RUNNERS,
          drivers: 1,
          mode: 'cycle',
          durationMs: FLEET_MS,
        } as const;
        const { cycles, busyMs } = await runFleet(fleet);
        return (busyMs / cycles) * 1000;
      }),
  },
];
