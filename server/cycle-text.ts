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

/**
 * @param cycle - each waits for the one before it, and the first for the last
 * @param command - what each of them is called
 */
export function cycleText(cycle: readonly number[], command: (number: number) => string): string {
  const names = cycle.slice(0, COMMANDS_MAX).map(command).reverse();
  if (cycle.length === 1) return `${names[0]} waits for itself`;
  const rest = cycle.length - names.length;
  const others = rest === 0 ? [] : [`${rest} more`];
  return `commands would wait for each other for ever: ${[...names, ...others, names[0]].join(' waits for ')}`;
}

/** A command of the add or of the queue. */
export function newCommand(
  number: number,
  parts: readonly LinkedPart[],
  queue: JobQueue,
  store: KeyValueReader,
): string {
  const own = parts.find(({ claim }) => holds(claim, number));
  if (own === undefined) return queuedCommand(number, queue, store);
  const { segment: id, bytes } = own.part;
  const segment = bytes === null ? readSegment(store, id) : new Segment(bytes);
  return segment === undefined
    ? `command ${queue.table.keyHex(number)}`
    : commandText(segment, inputPosition(own.claim, number - own.claim.first));
}

export function queuedCommand(number: number, queue: JobQueue, store: KeyValueReader): string {
  const entry = queue.segments.find(number);
  const segment = entry === undefined ? undefined : readSegment(store, entry.segment);
  return entry === undefined || segment === undefined
    ? `command ${queue.table.keyHex(number)}`
    : commandText(segment, number - entry.first);
}

export function commandText(segment: Segment, job: number): string {
  const text = shownText(segment.command(job));
  return `"${text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}…` : text}"`;
}
