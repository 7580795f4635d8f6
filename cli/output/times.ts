/** Points in time and durations as listings print them (spec: cli.md §1.6). */
import { formatDuration } from '../../core/units.ts';

/** `YY/M/D-HH:MM:SS`, local time. */
export function shortTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(date.getFullYear() % 100)}/${date.getMonth() + 1}/${date.getDate()}`;
  return `${day}-${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** @param seconds - as status objects have them; finer than ns is rounding noise of their division */
export function secondsText(seconds: number): string {
  return formatDuration(Math.round(seconds * 1e9) / 1e6);
}
