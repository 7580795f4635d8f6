/** What runners send, checked member by member. Thousands of these come a second. */
import { FAIL_REASONS } from './fail-reasons.ts';
import {
  type Check,
  type Checks,
  faultOf,
  isAmount,
  isBytes,
  isCount,
  isIntegerIn,
  isLike,
  isList,
  isListOf,
  isName,
  isObject,
  isOneOf,
  isText,
  isTime,
  isUint32,
  nullable,
  optional,
} from './message-values.ts';
import type {
  EndedEvent,
  EnvRequest,
  ReleasedEvent,
  ReportRequest,
  ReserveRequest,
  RunnerEvent,
  RunnerHello,
  StartedEvent,
  TouchedAttempt,
  TouchRequest,
} from './runner-messages.ts';

const isReason: Check = isOneOf(FAIL_REASONS);

const TOUCHED: Checks<TouchedAttempt> = {
  attempt: isCount,
  birth: optional(isCount),
  peakRamMb: isAmount,
  peakDiskMb: isAmount,
  cpuMs: isAmount,
  stdout: isBytes,
  stderr: isBytes,
};

export const RUNNER_CHECKS: {
  readonly hello: Checks<RunnerHello>;
  readonly reserve: Checks<ReserveRequest>;
  readonly report: Checks<ReportRequest>;
  readonly touch: Checks<TouchRequest>;
  readonly env: Checks<EnvRequest>;
} = {
  hello: {
    id: isCount,
    runnerId: (value) => isName(value) && value !== '',
    host: isName,
    ip: isName,
    pid: isUint32,
    birth: optional(isCount),
    group: nullable(isText),
    holding: isListOf(isCount),
  },
  reserve: { id: isCount, group: isText, count: isCount, waitMs: isAmount },
  // Its events are judged one by one.
  report: { id: isCount, events: isList },
  touch: { id: isCount, attempts: isListOf(isLike<TouchedAttempt>(TOUCHED)) },
  env: { id: isCount, envId: isName },
};

const EVENTS: {
  readonly started: Checks<StartedEvent>;
  readonly ended: Checks<EndedEvent>;
  readonly released: Checks<ReleasedEvent>;
} = {
  started: { attempt: isCount, pid: isUint32, startedMs: isTime, cwd: optional(isText) },
  ended: {
    attempt: isCount,
    outcome: isOneOf(['complete', 'release', 'bury']),
    exitCode: isIntegerIn(-(2 ** 15), 2 ** 15 - 1),
    reason: isReason,
    pid: isUint32,
    startedMs: isTime,
    endedMs: isTime,
    cwd: isText,
    stdout: isBytes,
    stderr: isBytes,
    peakRamMb: isAmount,
    peakDiskMb: isAmount,
    cpuMs: isAmount,
  },
  released: { attempt: isCount, reason: isReason },
};

/** @returns what of an event is not what it must be; '': it is a {@link RunnerEvent} */
export function eventFault(event: unknown): string {
  if (!isObject(event)) return 'event';
  const kind = event.event as RunnerEvent['event'];
  if (kind !== 'started' && kind !== 'ended' && kind !== 'released') return 'event';
  const fault = faultOf(event, EVENTS[kind]);
  if (fault !== '' || kind !== 'ended') return fault;
  return (event.endedMs as number) < (event.startedMs as number) ? 'endedMs' : '';
}
