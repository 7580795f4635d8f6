import { parseDurationMs } from '../core/units.ts';
import { UsageError } from './flags.ts';

const DAY_MS = 86_400_000;
const DAYS: Readonly<Record<string, number>> = { d: DAY_MS, w: 7 * DAY_MS };

/**
 * The time of `status --recent`: a duration, or a number of days (`1.5d`) or weeks (`2w`); not both in one.
 * @returns ms, above 0
 * @throws {WrError} BAD_OPTION
 */
export function parseRecent(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)([dw])$/.exec(text.trim());
  const unitMs = DAYS[match?.[2] ?? ''];
  const ms = match === null || unitMs === undefined ? durationMs(text) : Number(match[1]) * unitMs;
  if (ms <= 0)
    throw new UsageError(`--recent value (${text}) must be more than nothing, like 36h, 1.5d or 2w`);
  return ms;
}

function durationMs(text: string): number {
  try {
    return Math.ceil(parseDurationMs(text));
  } catch (cause) {
    const form =
      'it must be numbers with units h, m and s, like 36h or 1h30m, or one number of d or w, like 1.5d or 2w';
    throw new UsageError(`--recent value (${text}) was not specified correctly: ${form}`, { cause });
  }
}
