/** What jobs ask of a scheduler, and the name of the group of jobs that ask for the same (spec: jobs.md §6, schedulers.md §1.1, §2). */
import { hash } from 'node:crypto';
import type { JobOptions } from './job-options.ts';
import { limitGroupNames } from './limit-names.ts';

/** Small commands are given this much more, for what their surroundings need. */
const SPARE_MEMORY_MB = 100;
const SPARE_BELOW_MB = 924;
/** Times are rounded up to a multiple of this, so that like jobs share a group. */
const TIME_STEP_MS = 1_800_000;

/** What is handed to the scheduler for a job. */
export interface Requirements {
  readonly memoryMb: number;
  readonly timeMs: number;
  readonly cpus: number;
  readonly diskGb: number;
  readonly other: Readonly<Record<string, string>>;
}

/**
 * A job's own requirements with room to spare.
 * @param wanted - the job's options, or those with what was learned laid over them
 */
export function requirementsOf(wanted: Requirements): Requirements {
  return {
    memoryMb: wanted.memoryMb < SPARE_BELOW_MB ? wanted.memoryMb + SPARE_MEMORY_MB : wanted.memoryMb,
    timeMs: Math.ceil(wanted.timeMs / TIME_STEP_MS) * TIME_STEP_MS,
    cpus: wanted.cpus,
    diskGb: wanted.diskGb,
    other: wanted.other,
  };
}

/** Memory as far as a scheduler that has at most so much can give it with the room to spare. */
export function withinMemoryMb(memoryMb: number, mostMb: number): number {
  const isSmall = memoryMb < SPARE_BELOW_MB;
  if (memoryMb + (isSmall ? SPARE_MEMORY_MB : 0) <= mostMb) return memoryMb;
  if (mostMb < SPARE_BELOW_MB) return Math.max(0, mostMb - SPARE_MEMORY_MB);
  return isSmall ? SPARE_BELOW_MB : mostMb;
}

/** `RAM:minutes:cores:disk`, and the MD5 of the other requests if there are any. One way: nothing reads it back. */
export function requirementsName({ memoryMb, timeMs, cpus, diskGb, other }: Requirements): string {
  const name = `${memoryMb}:${Math.round(timeMs / 60_000)}:${cpus}:${diskGb}`;
  const keys = Object.keys(other).sort();
  if (keys.length === 0) return name;
  return `${name}:${hash('md5', keys.map((key) => `:${key}=${other[key]}`).join(''))}`;
}

/** The scheduler group of a job: `110:30:1:0~a,b`, and with counted resources `110:30:1:0:gpu=1~a,b`. */
export function schedulerGroupOf(
  options: Requirements & Pick<JobOptions, 'limitGroups' | 'resources'>,
): string {
  let name = requirementsName(requirementsOf(options));
  for (const resource in options.resources) name += `:${resource}=${options.resources[resource]}`;
  const groups = limitGroupNames(options.limitGroups);
  return groups.length === 0 ? name : `${name}~${groups.join(',')}`;
}

/** No program has a longer name: a word that goes on, be it for megabytes, is shown and known by its beginning. */
const NAME_BYTES_MAX = 255;

/**
 * The group under which a job's usage is learned: the one given, else the base name of the command's first word, of that
 * at most `NAME_BYTES_MAX` bytes.
 * @param cmd - the command's bytes
 */
export function reqGroupOf(cmd: Uint8Array, options: Pick<JobOptions, 'reqGroup'>): string {
  if (options.reqGroup !== null) return options.reqGroup;
  let from = 0;
  while (cmd[from] === 0x20) from += 1;
  const space = cmd.indexOf(0x20, from);
  let to = space < 0 ? cmd.length : space;
  while (to > from + 1 && cmd[to - 1] === 0x2f) to -= 1;
  // A slash within the word; a word of nothing but slashes keeps one.
  const slash = to - from > 1 ? cmd.subarray(from, to).lastIndexOf(0x2f) : -1;
  const name = from + slash + 1;
  return Buffer.from(cmd.buffer, cmd.byteOffset + name, nameEnd(cmd, name, to) - name).toString();
}

/** Where a name that is cut short ends, at the end of a character. */
function nameEnd(cmd: Uint8Array, from: number, to: number): number {
  if (to - from <= NAME_BYTES_MAX) return to;
  let end = from + NAME_BYTES_MAX;
  while (end > from && ((cmd[end] as number) & 0xc0) === 0x80) end -= 1;
  return end;
}
