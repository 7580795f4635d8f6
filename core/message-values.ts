/**
 * What members of messages may be: a predicate each, without copies. They say what the manager can live with; what is said to
 * users of an option's form stands in `job-fields.ts`, and was said before a message was made.
 */
import { LINE_BYTES_MAX } from './protocol.ts';
import type { Selector } from './selector.ts';
import { STATE } from './states.ts';

export type Check = (value: unknown) => boolean;

/** A predicate for each member but the type: the compiler misses none. */
export type Checks<Message> = { readonly [Member in keyof Required<Omit<Message, 'type' | 'event'>>]: Check };

/** Dates reach so far, Unix ms. */
const TIME_MS_MAX = 8.64e15;
const UINT32_MAX = 2 ** 32 - 1;
/** It is the key of a record. */
const REQUEST_ID_MAX = 200;
const NAME_MAX = 1_024;
const KEY_BYTES = 16;

export const isFlag: Check = (value) => typeof value === 'boolean';
export const isText: Check = (value) => typeof value === 'string';
export const isBytes: Check = (value) => value instanceof Uint8Array;
export const isList: Check = (value) => Array.isArray(value);
/** A whole number from 0: ids, tokens, counts. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isUint32: Check = (value) => isCount(value) && (value as number) <= UINT32_MAX;
/** A length of time, an amount: from 0, fractions allowed. */
export const isAmount: Check = (value) =>
  typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
/** Unix ms; 0: not yet. */
export const isTime: Check = (value) => typeof value === 'number' && value >= 0 && value <= TIME_MS_MAX;
/** Of a host, a runner: short. */
export const isName: Check = (value) => typeof value === 'string' && value.length <= NAME_MAX;
export const isRequestId: Check = (value) =>
  typeof value === 'string' && value !== '' && value.length <= REQUEST_ID_MAX;
export const isKey: Check = (value) => value instanceof Uint8Array && value.byteLength === KEY_BYTES;
export const isCommand: Check = (value) =>
  value instanceof Uint8Array && value.byteLength > 0 && value.byteLength <= LINE_BYTES_MAX;
/** No text that the system could not pass on to a command. */
export const isPlainText: Check = (value) => typeof value === 'string' && !value.includes('\0');

export function isIntegerIn(min: number, max: number): Check {
  return (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

export function isOneOf(values: readonly unknown[]): Check {
  const known = new Set(values);
  return (value) => known.has(value);
}

export function isListOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function nullable(check: Check): Check {
  return (value) => value === null || check(value);
}

/** An object with members that pass; others it may have, too. */
export function isLike<Shape>(checks: Checks<Shape>): Check {
  return (value) => isObject(value) && faultOf(value, checks) === '';
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** @returns the first member that is not what it must be; '': all are */
export function faultOf(
  object: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
): string {
  for (const member in checks) if (!(checks[member] as Check)(object[member])) return member;
  return '';
}

export const isState: Check = isOneOf(
  Object.keys(STATE).filter((name) => name !== 'none' && name !== 'removed'),
);

const SELECTORS: { readonly [By in Selector['by']]: Checks<Omit<Extract<Selector, { by: By }>, 'by'>> } = {
  all: {},
  repGroup: { repGroup: isText, search: isFlag },
  keys: { keys: (value) => value instanceof Uint8Array && value.byteLength % KEY_BYTES === 0 },
  bsub: { ids: isListOf(isUint32) },
};

export const isSelector: Check = (value) => {
  if (!isObject(value) || typeof value.by !== 'string' || !Object.hasOwn(SELECTORS, value.by)) return false;
  return faultOf(value, SELECTORS[value.by as Selector['by']]) === '';
};
