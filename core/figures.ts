/**
 * What a job is given, and why: what its user asked for, what was learned of jobs like it, and what it came to need itself
 * (spec: jobs.md §9).
 */
import type { FailReason } from './fail-reasons.ts';
import type { JobOptions } from './job-options.ts';
import type { ByStatistic, Recommendation } from './learning.ts';
import { withinMemoryMb } from './requirements.ts';

/** The figures that are learned. */
export interface Figures {
  readonly memoryMb: number;
  readonly timeMs: number;
  readonly diskGb: number;
}

/** A job that never ran out of anything. */
export const NOT_GROWN: Figures = { memoryMb: 0, timeMs: 0, diskGb: 0 };

/** Where a figure comes from: its number is what the shared columns hold. */
export const SOURCES = ['default', 'asked', 'learned', 'grown'] as const;
export type Source = (typeof SOURCES)[number];

/** What a user said that bears on it. */
export type Asked = Figures & Pick<JobOptions, 'memorySet' | 'timeSet' | 'diskSet' | 'override'>;

export interface Chosen {
  readonly figures: Figures;
  readonly from: ByStatistic<Source>;
}

/**
 * @param grown - the least it needs after it ran out; zeros otherwise
 * @param memoryMbMax - what the machine can ever give: what is learned or grown stays below it, for a command that might
 *   fit is better tried than buried
 */
export function chooseFigures(
  asked: Asked,
  learned: Recommendation,
  grown: Figures,
  memoryMbMax: number,
): Chosen {
  const { override } = asked;
  const memory = choose(
    { asked: asked.memoryMb, isSet: asked.memorySet, override },
    withinMemoryMb(learned.memoryMb, memoryMbMax),
    withinMemoryMb(grown.memoryMb, memoryMbMax),
  );
  const time = choose({ asked: asked.timeMs, isSet: asked.timeSet, override }, learned.timeMs, grown.timeMs);
  const disk = choose({ asked: asked.diskGb, isSet: asked.diskSet, override }, learned.diskGb, grown.diskGb);
  return {
    figures: { memoryMb: memory.value, timeMs: time.value, diskGb: disk.value },
    from: { memory: memory.from, time: time.from, disk: disk.from },
  };
}

interface Wish {
  readonly asked: number;
  readonly isSet: boolean;
  readonly override: JobOptions['override'];
}

function choose(
  wish: Wish,
  learned: number,
  grown: number,
): { readonly value: number; readonly from: Source } {
  const { asked, isSet, override } = wish;
  const takesLearned = learned > 0 && (!isSet || override === 0 || (override === 1 && learned > asked));
  const value = takesLearned ? learned : asked;
  if (override !== 2 && grown > value) return { value: grown, from: 'grown' };
  return { value, from: takesLearned ? 'learned' : isSet ? 'asked' : 'default' };
}

/** Where the figures of an attempt came from, told from what they are. */
export function sourcesOf(asked: Asked, given: Figures, grown: Figures): ByStatistic<Source> {
  const from = (had: number, wanted: number, isSet: boolean, least: number): Source => {
    if (had === wanted) return isSet ? 'asked' : 'default';
    return had === least ? 'grown' : 'learned';
  };
  return {
    memory: from(given.memoryMb, asked.memoryMb, asked.memorySet, grown.memoryMb),
    time: from(given.timeMs, asked.timeMs, asked.timeSet, grown.timeMs),
    disk: from(given.diskGb, asked.diskGb, asked.diskSet, grown.diskGb),
  };
}

/** How an attempt ended, as far as growth goes. */
export interface Exhaustion {
  readonly reason: FailReason;
  readonly peakRamMb: number;
  readonly peakDiskMb: number;
  readonly wallMs: number;
}

const MEMORY_STEP_MB = 100;
const MEMORY_GROWTH_MIN_MB = 1_000;
/** Up to here memory is doubled. */
const MEMORY_DOUBLED_MAX_MB = 8_192;
const GROWTH = 1.3;
const MB_PER_GB = 1_024;
const HOUR_MS = 3_600_000;
/** Times that grew are rounded up to it, or each job would have figures, and a place in the queue, of its own. */
const TIME_STEP_MS = 60_000;

/**
 * What a job needs at least after a failed attempt; what it grew to before stays. Memory grows after any failure with a
 * higher peak than it had been given (since-0.36.md §2.3), disk and time when they are the reason.
 * @param given - what the attempt had
 */
export function grow(before: Figures, given: Figures, end: Exhaustion): Figures {
  const ranOut = end.reason === 'command used too much RAM' || end.peakRamMb > given.memoryMb;
  return {
    memoryMb: Math.max(before.memoryMb, ranOut ? grownMemoryMb(end.peakRamMb) : 0),
    timeMs: Math.max(
      before.timeMs,
      end.reason === 'command used too much time'
        ? Math.ceil((end.wallMs + HOUR_MS) / TIME_STEP_MS) * TIME_STEP_MS
        : 0,
    ),
    diskGb: Math.max(
      before.diskGb,
      end.reason === 'ran out of disk space' ? Math.ceil((end.peakDiskMb * GROWTH) / MB_PER_GB) : 0,
    ),
  };
}

function grownMemoryMb(peakMb: number): number {
  const more = peakMb <= MEMORY_DOUBLED_MAX_MB ? peakMb * 2 : peakMb * GROWTH;
  return Math.ceil(Math.max(more, peakMb + MEMORY_GROWTH_MIN_MB) / MEMORY_STEP_MB) * MEMORY_STEP_MB;
}

export function isGrown({ memoryMb, timeMs, diskGb }: Figures): boolean {
  return memoryMb > 0 || timeMs > 0 || diskGb > 0;
}

export function sameFigures(a: Figures, b: Figures): boolean {
  return a.memoryMb === b.memoryMb && a.timeMs === b.timeMs && a.diskGb === b.diskGb;
}
