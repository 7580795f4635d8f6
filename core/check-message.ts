/**
 * Messages from outside, checked before anything acts on them: whoever speaks to the manager has its token, but may be broken,
 * or of another version. A member that is not what it must be refuses its message by name; what else a message holds is never
 * looked at. Nothing is copied.
 */
import { CLIENT_CHECKS } from './check-clients.ts';
import { optionsFault } from './check-options.ts';
import { eventFault, RUNNER_CHECKS } from './check-runners.ts';
import { WrError } from './errors.ts';
import { shown } from './json-values.ts';
import { type Check, faultOf, isObject } from './message-values.ts';
import type { Request } from './protocol.ts';
import type { ReportRequest, RunnerEvent } from './runner-messages.ts';

/** A report whose events are not checked yet: see {@link checkEvent}. */
export type CheckedReport = Omit<ReportRequest, 'events'> & { readonly events: readonly unknown[] };

export type CheckedRequest = Exclude<Request, ReportRequest> | CheckedReport;

const CHECKS: { readonly [Type in Request['type']]: Readonly<Record<string, Check>> } = {
  ...CLIENT_CHECKS,
  ...RUNNER_CHECKS,
};

/** @throws {WrError} BAD_PROTOCOL naming the type and the member that is wrong */
export function checkRequest(message: { readonly type: string }): CheckedRequest {
  const { type } = message;
  if (!Object.hasOwn(CHECKS, type)) {
    throw new WrError('BAD_PROTOCOL', `a request of type ${shown(type)} is unknown`);
  }
  const members = message as Readonly<Record<string, unknown>>;
  const fault = faultOf(members, CHECKS[type as Request['type']]);
  if (fault !== '') throw refusal(type, members, fault);
  return message as CheckedRequest;
}

/** @throws {WrError} BAD_PROTOCOL naming the member that is wrong */
export function checkEvent(event: unknown): RunnerEvent {
  const fault = eventFault(event);
  if (fault === '') return event as RunnerEvent;
  if (!isObject(event))
    throw new WrError('BAD_PROTOCOL', `a report holds an event that is none: ${text(event)}`);
  const { attempt, event: kind } = event;
  throw new WrError(
    'BAD_PROTOCOL',
    `an event of a report (${text(kind)}, attempt ${text(attempt)}) has a bad ${fault}: ${text(event[fault])}`,
  );
}

function refusal(type: string, message: Readonly<Record<string, unknown>>, fault: string): WrError {
  const [member, value] = innermost(message, fault);
  return new WrError('BAD_PROTOCOL', `a message of type ${type} has a bad ${member}: ${text(value)}`);
}

/** Options are many: which one it is is said. */
function innermost(
  message: Readonly<Record<string, unknown>>,
  fault: string,
): [member: string, value: unknown] {
  const value = message[fault];
  if (fault === 'changes' && isObject(value)) {
    const [option, inner] = withinOptions(value.options, false);
    return option === '' ? [fault, value] : [`changes.options.${option}`, inner];
  }
  if (fault !== 'defaults') return [fault, value];
  const [option, inner] = withinOptions(value, true);
  return option === '' ? [fault, value] : [`defaults.${option}`, inner];
}

function withinOptions(options: unknown, isWhole: boolean): [option: string, value: unknown] {
  const option = optionsFault(options, isWhole) ?? '';
  return [option, option === '' ? options : (options as Readonly<Record<string, unknown>>)[option]];
}

/** A value in a message: not more of it than tells what is wrong. */
function text(value: unknown): string {
  if (value === undefined) return 'it is missing';
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  return typeof value === 'object' && value !== null ? shown(value) : shown(String(value));
}
