/** Amounts as people write them: memory (`1.5G`) and durations (`1h30m`) (spec: cli.md §1.6). */

const MEMORY = /^\s*(\d+\.?\d*|\.\d+)([a-z]+)\s*$/i;
const MEMORY_UNITS = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;
/** 16 EiB: what 64 bits of bytes can say. */
export const MEMORY_MB_MAX = 2 ** 44;

const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
const NS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5, the micro sign
  μs: 1e3, // U+03BC, the Greek letter, which some keyboards give
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
/** About 292 years: what 63 bits of nanoseconds can say. */
export const DURATION_MS_MAX = 2 ** 63 / 1e6;

/**
 * Memory with its unit, all base 2: `B K KB KiB M MB MiB G…` up to `E`, in any case.
 * @returns whole MB, rounded down (`500K` is 0)
 * @throws {RangeError} saying what is wrong with the text, without repeating it
 */
export function parseMemoryMb(text: string): number {
  const match = MEMORY.exec(text);
  if (match === null)
    throw new RangeError('it must be a number directly followed by a unit, like 500M or 1.5G');
  const unit = (match[2] as string).toUpperCase();
  const power = (MEMORY_UNITS as readonly string[]).indexOf(unit[0] as string);
  if (power < 0 || !isMemoryUnit(unit)) {
    throw new RangeError('its unit must be one of B, K, M, G, T, P and E (also as KB or KiB)');
  }
  const mb = Math.floor(Number(match[1]) * 1024 ** (power - 2));
  if (mb > MEMORY_MB_MAX) throw new RangeError('it must not be more than 16E');
  return mb;
}

function isMemoryUnit(unit: string): boolean {
  const rest = unit.slice(1);
  return rest === '' || (unit[0] !== 'B' && (rest === 'B' || rest === 'IB'));
}

/**
 * A sequence of numbers with units `ns us µs ms s m h`, or a bare `0`. There are no days.
 * @returns milliseconds, with fractions down to the nanosecond
 * @throws {RangeError} saying what is wrong with the text, without repeating it
 */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  let ns = 0;
  let at = 0;
  while (at < trimmed.length) {
    DURATION_PART.lastIndex = at;
    const match = DURATION_PART.exec(trimmed);
    if (match === null) break;
    ns += Number(match[1]) * (NS_PER_UNIT[match[2] as string] as number);
    at = DURATION_PART.lastIndex;
  }
  if (at === 0 || at < trimmed.length) {
    throw new RangeError('it must be numbers with units h, m, s or ms, like 90m or 1h30m');
  }
  const ms = Math.round(ns) / 1e6;
  if (ms > DURATION_MS_MAX) throw new RangeError('it must not be more than 292 years');
  return ms;
}

/**
 * A duration as it is printed: `1h0m0s`, `1m30s`, `5.002266249s`, `250ms`, `0s`.
 * @param ms - fractions count down to the nanosecond
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1000) return formatSubSecond(ms);
  // Seconds and their fraction apart: a double holds years only to the microsecond.
  let totalSeconds = Math.floor(ms / 1000);
  let fractionNs = Math.round((ms - totalSeconds * 1000) * 1e6);
  if (fractionNs >= 1e9) {
    totalSeconds += 1;
    fractionNs = 0;
  }
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor(totalSeconds / 60) % 60;
  const seconds = `${withFraction(totalSeconds % 60, fractionNs, 9)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function formatSubSecond(ms: number): string {
  const ns = Math.round(ms * 1e6);
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${withFraction(Math.floor(ns / 1e3), ns % 1e3, 3)}µs`;
  if (ns < 1e9) return `${withFraction(Math.floor(ns / 1e6), ns % 1e6, 6)}ms`;
  return '1s';
}

function withFraction(whole: number, fraction: number, digits: number): string {
  if (fraction === 0) return String(whole);
  return `${whole}.${String(fraction).padStart(digits, '0').replace(/0+$/, '')}`;
}
