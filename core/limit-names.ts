/** Names of limit groups as users give them, with or without a limit behind a colon (spec: jobs.md §10, cli.md §8). */
import { WrError } from './errors.ts';
import { parseTimeWindow } from './time-windows.ts';

/** No limit. */
export const UNLIMITED = -1;

export interface NamedLimit {
  readonly name: string;
  /** `null`: none was given; {@link UNLIMITED}; else how many may run at once. */
  readonly limit: number | null;
}

/** Below −1, which is any number. */
const BELOW_ANY = /:-0*(?:[2-9]|1\d|[1-9]\d)\d*$/;
/** `25:00:00<time`: nobody names a group so. */
const LIKE_TIME = /time\s*<|<\s*(?:date)?time/;
const TIME_FORMS =
  'times go from 00:00:00 to 23:59:59, as in 18:00:00<time<08:00:00 or 2030-01-31 12:00:00<datetime';
/** They are keys of the database. */
const NAME_BYTES_MAX = 512;
const WITH_LIMIT = /^([^:]*):([+-]?\d+)$/;
/** They separate names where several stand together: in lists, and in the names of scheduler groups. */
const BAD_CHARACTERS = /[,~\p{Cc}]/u;

/**
 * `name:n` apart. A text after the first colon that is no whole number belongs to the name, as in time windows.
 * @returns `limit` is `null` when none was given; every negative one means unlimited
 */
export function parseLimitGroup(group: string): NamedLimit {
  const match = WITH_LIMIT.exec(group);
  if (match === null) return { name: group, limit: null };
  return { name: match[1] as string, limit: Math.max(UNLIMITED, Number(match[2])) };
}

/** Names of limit groups without their limits, sorted, each once. */
export function limitGroupNames(limitGroups: readonly string[]): readonly string[] {
  if (limitGroups.length === 0) return limitGroups;
  return [...new Set(limitGroups.map((group) => parseLimitGroup(group).name))].sort();
}

/**
 * Limit groups of a command, each name once and in order. Of one that is named several times the last limit counts.
 * @param option - what the user calls them
 * @throws {WrError} BAD_OPTION for a name that cannot be one
 */
export function checkLimitGroups(groups: readonly string[], option: string): readonly string[] {
  const byName = new Map<string, string>();
  for (const given of groups) {
    const group = trimmed(given);
    const { name, limit } = parseLimitGroup(group);
    checkName(name, group, option);
    checkLimit(limit, group, option);
    if (limit !== null || !byName.has(name)) byName.set(name, group);
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/**
 * What `wr limit --group` names. There, text behind a colon is meant as a limit.
 * @throws {WrError} BAD_OPTION
 */
export function parseLimitFlag(given: string, option = '--group'): NamedLimit {
  const text = trimmed(given);
  const parsed = parseLimitGroup(text);
  checkName(parsed.name, text, option);
  checkLimit(parsed.limit, text, option);
  if (parsed.limit === null && doubtful(text) !== null) {
    if (LIKE_TIME.test(text)) throw bad(option, text, `it is no valid span of time: ${TIME_FORMS}`);
    throw bad(
      option,
      text,
      'the limit behind the colon must be a whole number, 0 for none, -1 for any number',
    );
  }
  if (parsed.limit !== null && parseTimeWindow(parsed.name) !== null)
    throw bad(option, text, 'a span of time has no limit');
  return parsed;
}

/** What to tell someone who may have meant a limit, or a span of time; `null`: nothing. */
export function limitGroupWarning(group: string): string | null {
  const meant = parseLimitGroup(group).limit === null ? doubtful(group) : null;
  if (meant === null) return null;
  if (LIKE_TIME.test(group))
    return `limit group "${group}" is no span of time, so it holds nothing back: ${TIME_FORMS}`;
  return `limit group "${group}" has no limit, for "${meant}" is no whole number and the name no span of time`;
}

function doubtful(group: string): string | null {
  const colon = group.indexOf(':');
  return colon < 0 || parseTimeWindow(group) !== null ? null : group.slice(colon + 1);
}

/** Blanks around a name, or between it and its limit, are no part of it. */
function trimmed(group: string): string {
  return group.trim().replace(/\s+(?=:[+-]?\d+$)/, '');
}

function checkName(name: string, group: string, option: string): void {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw bad(option, `${group.slice(0, 40)}…`, `names of limit groups have at most ${NAME_BYTES_MAX} bytes`);
  if (name === '') throw bad(option, group, 'a limit group needs a name: name or name:n');
  if (BAD_CHARACTERS.test(name))
    throw bad(option, group, 'names of limit groups hold no comma, no ~ and no control characters');
}

function checkLimit(limit: number | null, group: string, option: string): void {
  if (limit !== null && !Number.isSafeInteger(limit))
    throw bad(option, group, `a limit is at most ${Number.MAX_SAFE_INTEGER}; -1 is any number`);
  if (limit !== null && BELOW_ANY.test(group))
    throw bad(option, group, 'a limit is a whole number, 0 for none, -1 for any number');
}

function bad(option: string, value: string, why: string): WrError {
  return new WrError('BAD_OPTION', `${option} value (${value}) was not specified correctly: ${why}`);
}
