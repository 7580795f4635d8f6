/** A right message of every type, so that tests can make wrong ones of them. */
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Request } from '../../core/protocol.ts';
import type { RunnerEvent } from '../../core/runner-messages.ts';
import { ended } from './queue-builders.ts';

const KEY = new Uint8Array(16).fill(7);
const ALL = { by: 'all' } as const;
const NO_BYTES = new Uint8Array(0);

/** @param attempt - what runners speak of */
export function makeEvents(attempt: number): { readonly [Kind in RunnerEvent['event']]: RunnerEvent } {
  return {
    started: { event: 'started', attempt, pid: 9, startedMs: 5, cwd: '/tmp' },
    ended: ended(attempt, 'complete'),
    released: { event: 'released', attempt, reason: 'not enough time to run' },
  };
}

export type Messages = { readonly [Type in Request['type']]: Extract<Request, { type: Type }> };

export function makeMessages(attempt: number): Messages {
  const usage = { peakRamMb: 1.5, peakDiskMb: 0, cpuMs: 7, stdout: NO_BYTES, stderr: NO_BYTES };
  const change = { id: 3, requestId: 'r', select: { by: 'keys', keys: KEY } } as const;
  return {
    ping: { type: 'ping', id: 1 },
    managerStatus: { type: 'managerStatus', id: 1 },
    shutdown: { type: 'shutdown', id: 1 },
    addBegin: {
      type: 'addBegin',
      id: 2,
      requestId: 'add',
      defaults: DEFAULT_JOB_OPTIONS,
      env: NO_BYTES,
      rerun: false,
      head: 0,
      wantKeys: true,
      dryRun: { show: 0 },
    },
    addFrame: { type: 'addFrame', requestId: 'add', seq: 0, bytes: Buffer.from('true\n'), more: false },
    addEnd: { type: 'addEnd', id: 2, requestId: 'add', frames: 1 },
    status: {
      type: 'status',
      id: 4,
      select: { by: 'repGroup', repGroup: 'g', search: true },
      output: 'counts',
      states: ['ready', 'complete'],
      missingDeps: false,
      limit: 1,
      env: false,
      recentMs: 5,
      host: '',
    },
    more: { type: 'more', of: 4, pages: 1 },
    kill: { type: 'kill', ...change, confirmDead: false, ageMs: 0 },
    retry: { type: 'retry', ...change },
    remove: { type: 'remove', ...change, buriedOnly: false },
    suspend: { type: 'suspend', ...change },
    resume: { type: 'resume', ...change },
    modify: {
      type: 'modify',
      ...change,
      changes: { options: { retries: 2 }, dropOther: ['x'], cmd: Buffer.from('a') },
    },
    settle: { type: 'settle', id: 5, key: KEY },
    explain: { type: 'explain', id: 5, key: KEY },
    limit: { type: 'limit', id: 6, group: 'l', limit: 3 },
    watch: { type: 'watch', id: 7, select: ALL, everyMs: 500 },
    steer: { type: 'steer', id: 8, to: 'pause' },
    backup: { type: 'backup', id: 9, path: '/backup' },
    hello: {
      type: 'hello',
      id: 1,
      runnerId: 'runner',
      host: 'here',
      ip: '127.0.0.1',
      pid: 1,
      birth: 2,
      group: null,
      holding: [attempt],
    },
    reserve: { type: 'reserve', id: 2, group: 'g', count: 1, waitMs: 0 },
    report: { type: 'report', id: 3, events: Object.values(makeEvents(attempt)) },
    touch: { type: 'touch', id: 4, attempts: [{ attempt, birth: 0, ...usage }] },
    env: { type: 'env', id: 5, envId: 'e' },
  };
}

/** Values that are hardly ever what a member must be. */
export const ODD_VALUES: readonly unknown[] = [
  undefined,
  null,
  '',
  'abc',
  '5',
  '\0',
  'x'.repeat(5_000),
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e300,
  2 ** 53,
  2n ** 63n,
  true,
  [],
  [null],
  [1, 'a'],
  {},
  { a: {} },
  new Uint8Array(5),
  new Uint8Array(17),
];
