/** Queues and jobs for tests: real keys, made-up commands. */
import { claimKeys } from '../../core/claims.ts';
import { jobKey } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import type { JobQueue } from '../../core/job-queue.ts';
import type { Moment } from '../../core/moment.ts';
import type { EndedEvent } from '../../core/runner-messages.ts';
import { templateJson } from '../../core/template.ts';
import type { Template } from '../../core/templates.ts';

export const RUNNER = { runnerId: 'runner-1', host: 'here', ip: '127.0.0.1', pid: 11 };

/** A moment of that many ms by either clock. */
export function moment(ms: number): Moment {
  return { nowMs: ms, monotonicMs: ms };
}

/** Attempt tokens: 1, 2, 3… */
export function makeTokens(): () => number {
  let last = 0;
  return () => ++last;
}

export function makeTemplate(queue: JobQueue, options: Partial<JobOptions> = {}): Template {
  const whole = { ...DEFAULT_JOB_OPTIONS, ...options };
  const json = templateJson(whole);
  return queue.templates.find(json) ?? queue.templates.add(json, whole);
}

let nextSegment = 1;

/** Adds jobs with the given commands. @returns the numbers of the new ones, in order */
export function addCommands(
  queue: JobQueue,
  commands: readonly string[],
  options: Partial<JobOptions> = {},
  priorities?: readonly number[],
): number[] {
  const template = makeTemplate(queue, options);
  const keys = new Uint8Array(commands.length * 16);
  commands.forEach((command, i) => {
    keys.set(jobKey(command, template.options), i * 16);
  });
  const claim = claimKeys(queue, keys, null, false, () => true);
  const { first, count } = claim;
  if (count === 0) return [];
  const own =
    priorities === undefined
      ? null
      : Uint8Array.from(priorities.filter((_, i) => claim.keep === null || claim.keep[i] === 1));
  queue.describe(first, count, template, own);
  queue.segments.add({ first, count, segment: nextSegment++, finished: null, remaining: count });
  queue.activate(first, count, template, own !== null);
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Adds `count` jobs with commands nobody else has. */
export function makeJobs(queue: JobQueue, count: number, options: Partial<JobOptions> = {}): number[] {
  const start = queue.table.end;
  return addCommands(
    queue,
    Array.from({ length: count }, (_, i) => `job ${start + i}`),
    options,
  );
}

export function ended(
  attempt: number,
  outcome: EndedEvent['outcome'],
  more: Partial<EndedEvent> = {},
): EndedEvent {
  return {
    event: 'ended',
    attempt,
    outcome,
    exitCode: outcome === 'complete' ? 0 : 1,
    reason: outcome === 'complete' ? '' : 'command exited non-zero',
    pid: 4321,
    startedMs: 1_000,
    endedMs: (more.startedMs ?? 1_000) + 1_000,
    cwd: '/tmp/x',
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    peakRamMb: 10,
    peakDiskMb: 0,
    cpuMs: 5,
    ...more,
  };
}
