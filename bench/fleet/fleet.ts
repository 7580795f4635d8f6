/** Starts driver processes, lets all of them connect, sets them off together and adds up what they saw. */

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { ProbeTarget } from '../harness/probe.ts';
import type { DriverCommand, DriverMessage, DriverOrder, DriverResult } from './driver.ts';
import { Histogram } from './histogram.ts';

/** The scheduler group of commands added without options. */
export const DEFAULT_GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

export interface FleetOptions {
  readonly target: ProbeTarget;
  readonly runners: number;
  readonly drivers: number;
  readonly mode: DriverOrder['mode'];
  readonly durationMs: number;
  readonly intervalMs?: number;
  readonly group?: string;
  /** Ends early when runners are told so often in a row that there is no job. */
  readonly emptyMax?: number;
  /** Called when all are connected, before they start. */
  readonly onConnected?: () => Promise<void> | void;
}

export interface FleetResult {
  readonly cycles: number;
  /** First to last tenth of a second in which jobs were had, ms. */
  readonly busyMs: number;
  /** Reserve sent to job received. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Cycles per tenth of a second. */
  readonly slices: readonly number[];
}

const DRIVER = fileURLToPath(new URL('./driver.js', import.meta.url));

function command(child: ChildProcess, message: DriverCommand): void {
  child.send(message);
}

function hear<Say extends DriverMessage['say']>(
  child: ChildProcess,
  say: Say,
): Promise<Extract<DriverMessage, { say: Say }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: DriverMessage) => {
      if (message.say === say) resolve(message as Extract<DriverMessage, { say: Say }>);
    });
    child.once('exit', (code) => reject(new Error(`a fleet driver ended with ${code} before it was ${say}`)));
  });
}

/** @throws {Error} when the manager answered with errors or closed connections */
export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const share = Math.ceil(options.runners / options.drivers);
  const children = Array.from({ length: options.drivers }, () => fork(DRIVER, { stdio: 'inherit' }));
  try {
    // Both are listened for before anything can be said, or have ended.
    const connected = children.map((child) => hear(child, 'connected'));
    const done = Promise.all(children.map((child) => hear(child, 'done')));
    done.catch(() => undefined); // Told to the caller below, or of no interest when connecting failed.
    for (const [index, child] of children.entries()) {
      command(child, { do: 'connect', order: makeOrder(options, index * share, share) });
    }
    await Promise.all(connected);
    await options.onConnected?.();
    for (const child of children) command(child, { do: 'go' });
    return addUp((await done).map((message) => message.result));
  } finally {
    for (const child of children) child.kill();
  }
}

function makeOrder(options: FleetOptions, firstRunner: number, share: number): DriverOrder {
  return {
    target: {
      clientPort: options.target.clientPort,
      caFile: options.target.caFile,
      token: options.target.token,
    },
    firstRunner,
    runners: Math.min(share, options.runners - firstRunner),
    group: options.group ?? DEFAULT_GROUP,
    mode: options.mode,
    intervalMs: options.intervalMs ?? 0,
    durationMs: options.durationMs,
    emptyMax: options.emptyMax ?? 4,
  };
}

function addUp(results: readonly DriverResult[]): FleetResult {
  const failed = results.find((result) => result.errors > 0 || result.unexpectedCloses > 0);
  if (failed !== undefined) {
    throw new Error(
      `${failed.errors} errors, ${failed.unexpectedCloses} closed connections; first: ${failed.firstError}`,
    );
  }
  const latency = new Histogram();
  const slices: number[] = [];
  const start = Math.min(...results.map((result) => result.sliceStart));
  for (const result of results) {
    latency.merge(result.latencyCounts);
    for (const [index, count] of result.slices.entries()) {
      const slice = index + result.sliceStart - start;
      slices[slice] = (slices[slice] ?? 0) + count;
    }
  }
  const filled = Array.from(slices, (count) => count ?? 0);
  const first = filled.findIndex((count) => count > 0);
  const last = filled.findLastIndex((count) => count > 0);
  return {
    cycles: results.reduce((sum, result) => sum + result.cycles, 0),
    busyMs: first < 0 ? 0 : (last - first + 1) * 100,
    p50Ms: latency.percentile(0.5),
    p99Ms: latency.percentile(0.99),
    slices: first < 0 ? [] : filled.slice(first, last + 1),
  };
}
