/**
 * Limit groups whose name is a span of time: their commands start within it only (spec: jobs.md §10). Times are the
 * manager's local ones, bounds are strict, and an end before its beginning means overnight.
 *
 * ```
 * 18:00:00<time    time<08:00:00    18:00:00<time<08:00:00
 * 2030-01-31 00:00:00<datetime      datetime<…      …<datetime<…
 * ```
 */
const DAY_MS = 86_400_000;
const TIME = /^(?:(\d\d):(\d\d):(\d\d) ?< ?)?time(?: ?< ?(\d\d):(\d\d):(\d\d))?$/;
const DATE_TIME =
  /^(?:(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) ?< ?)?datetime(?: ?< ?(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d))?$/;

export interface TimeWindow {
  readonly of: 'day' | 'calendar';
  /** Exclusive; ms since midnight, or Unix ms; −Infinity: none. */
  readonly afterMs: number;
  /** Exclusive; Infinity: none. */
  readonly beforeMs: number;
}

/** A moment as windows are compared with it, so that many can be at one price. */
export interface Moment {
  readonly unixMs: number;
  /** Since local midnight, as clocks on the wall show it. */
  readonly dayMs: number;
}

export function momentOf(nowMs: number): Moment {
  const at = new Date(nowMs);
  const seconds = (at.getHours() * 60 + at.getMinutes()) * 60 + at.getSeconds();
  return { unixMs: nowMs, dayMs: seconds * 1000 + at.getMilliseconds() };
}

/** The window that a name of a limit group means; `null`: it is an ordinary name. */
export function parseTimeWindow(name: string): TimeWindow | null {
  const day = TIME.exec(name);
  if (day !== null) return windowOf('day', dayMs(day.slice(1, 4)), dayMs(day.slice(4, 7)));
  const calendar = DATE_TIME.exec(name);
  if (calendar === null) return null;
  return windowOf('calendar', calendarMs(calendar.slice(1, 7)), calendarMs(calendar.slice(7, 13)));
}

export function isOpen({ of, afterMs, beforeMs }: TimeWindow, moment: Moment): boolean {
  const ms = of === 'day' ? moment.dayMs : moment.unixMs;
  if (of === 'day' && afterMs > beforeMs) return ms > afterMs || ms < beforeMs;
  return ms > afterMs && ms < beforeMs;
}

/** @param after - `undefined`: not said; NaN: no such time */
function windowOf(
  of: TimeWindow['of'],
  after: number | undefined,
  before: number | undefined,
): TimeWindow | null {
  if ((after === undefined && before === undefined) || Number.isNaN(after) || Number.isNaN(before))
    return null;
  return {
    of,
    afterMs: after ?? Number.NEGATIVE_INFINITY,
    beforeMs: before ?? Number.POSITIVE_INFINITY,
  };
}

function dayMs(parts: readonly (string | undefined)[]): number | undefined {
  if (parts[0] === undefined) return undefined;
  const [hours, minutes, seconds] = parts.map(Number) as [number, number, number];
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return minutes < 60 && seconds < 60 && ms < DAY_MS ? ms : Number.NaN;
}

function calendarMs(parts: readonly (string | undefined)[]): number | undefined {
  if (parts[0] === undefined) return undefined;
  const [year, month, date, ...time] = parts.map(Number) as [number, number, number, number, number, number];
  // The thirtieth of February would be taken for one of March.
  const there = new Date(Date.UTC(year, month - 1, date));
  const exists = there.getUTCMonth() === month - 1 && there.getUTCDate() === date;
  if (!exists || Number.isNaN(dayMs(parts.slice(3)))) return Number.NaN;
  return new Date(year, month - 1, date, ...time).getTime();
}
