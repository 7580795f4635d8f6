/** What tests of a whole manager do again and again: run jobs to their end, list them. */

import type { PageReply } from '../../core/client-replies.ts';
import type { StatusRequest } from '../../core/client-requests.ts';
import { decodeFrame } from '../../core/codec.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { EndedEvent, RunnerEvent } from '../../core/runner-messages.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { ended } from '../core/queue-builders.ts';
import { type ManagerHarness, settle, TestPeer } from './manager-harness.ts';

export const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

export async function report(
  harness: ManagerHarness,
  peer: TestPeer,
  ...events: RunnerEvent[]
): Promise<void> {
  harness.send(peer, { type: 'report', id: harness.nextId(), events });
  await settle();
  harness.check();
}

/** Takes up to `count` jobs and ends them as told. @returns their commands */
export async function runJobs(
  harness: ManagerHarness,
  count: number,
  outcome: EndedEvent['outcome'],
  more: Partial<EndedEvent> = {},
): Promise<string[]> {
  const peer = await harness.connectRunner(GROUP);
  const { jobs } = await harness.reserve(peer, GROUP, count);
  const startedMs = harness.clock.nowMs();
  const times = { startedMs, endedMs: startedMs + 5, ...more };
  await report(harness, peer, ...jobs.map((job) => ended(job.attempt, outcome, times)));
  return jobs.map((job) => Buffer.from(job.cmd).toString());
}

export async function listJobs(
  harness: ManagerHarness,
  request: Partial<StatusRequest> = {},
): Promise<StatusJob[]> {
  const peer = new TestPeer();
  const whole: StatusRequest = {
    type: 'status',
    id: harness.nextId(),
    select: { by: 'all' },
    output: 'jobs',
    states: [],
    limit: 0,
    env: false,
    host: '',
    ...request,
  };
  harness.send(peer, whole);
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
}
