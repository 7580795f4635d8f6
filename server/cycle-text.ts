/** What an add is told whose commands would wait for each other for ever. */
import type { JobQueue } from '../core/job-queue.ts';
import { Segment } from '../core/segment.ts';
import { shownText } from '../core/shown-bytes.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { readSegment } from '../store/layout.ts';
import { holds, inputPosition, type LinkedPart } from './linked-part.ts';

/** Commands named, and how much of each. */
const COMMANDS_MAX = 6;
const LENGTH_MAX = 80;

/** @param cycle - each waits for the one before it, and the first for the last */
export function cycleText(
  cycle: readonly number[],
  parts: readonly LinkedPart[],
  queue: JobQueue,
  store: KeyValueReader,
): string {
  const names = cycle
    .slice(0, COMMANDS_MAX)
    .map((job) => command(job, parts, queue, store))
    .reverse();
  if (cycle.length === 1) return `${names[0]} waits for itself`;
  const rest = cycle.length - names.length;
  const others = rest === 0 ? [] : [`${rest} more`];
  return `commands would wait for each other for ever: ${[...names, ...others, names[0]].join(' waits for ')}`;
}

function command(
  number: number,
  parts: readonly LinkedPart[],
  queue: JobQueue,
  store: KeyValueReader,
): string {
  const own = parts.find(({ claim }) => holds(claim, number));
  const entry = queue.segments.find(number);
  const id = own?.part.segment ?? entry?.segment ?? 0;
  const bytes = own?.part.bytes ?? null;
  const segment = bytes === null ? readSegment(store, id) : new Segment(bytes);
  if (segment === undefined) return `command ${queue.table.keyHex(number)}`;
  const at =
    own === undefined ? number - (entry?.first ?? 0) : inputPosition(own.claim, number - own.claim.first);
  const text = shownText(segment.command(at));
  return `"${text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}…` : text}"`;
}
