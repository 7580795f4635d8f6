/**
 * Jobs that users hold back (since-0.36.md §2.1).
 *
 * What a job was waiting for goes on meanwhile: a back-off may come to its end, which a flag of its row remembers, and
 * dependencies may be met. On disk a suspended job is a bit of its segment, beside the record it had before.
 */
import { JOB_FLAG } from './job-flags.ts';
import { moveRun, runAt } from './job-runs.ts';
import type { JobStates } from './job-states.ts';
import { CHUNK_ROWS, rowOf } from './job-table.ts';
import type { SegmentDirectory, SegmentEntry } from './segment-directory.ts';
import { STATE, stateMask } from './states.ts';

const SUSPENDABLE = stateMask(['ready', 'delayed', 'dependent']);

/** How far a change came: the next position in the list of numbers, and how many jobs changed. */
export interface Step {
  readonly next: number;
  readonly changed: number;
}

export class Suspension {
  readonly #states: JobStates;
  readonly #segments: SegmentDirectory;
  /** Segments whose bits are to be written. */
  readonly changed = new Set<SegmentEntry>();

  constructor(states: JobStates, segments: SegmentDirectory) {
    this.#states = states;
    this.#segments = segments;
  }

  /** Holds the jobs back that begin at a position, as many as are alike. @param numbers - ascending */
  suspend(numbers: Uint32Array, at: number): Step {
    const count = runAt(this.#states, numbers, at);
    const first = numbers[at] as number;
    const state = this.#states.state(first);
    if (((1 << state) & SUSPENDABLE) === 0) return { next: at + count, changed: 0 };
    moveRun(this.#states, first, count, 'suspend');
    this.#markDelayed(first, count, state === STATE.delayed);
    this.note(first, count);
    return { next: at + count, changed: count };
  }

  /** Lets the jobs go on that begin at a position, as many as are alike. @param numbers - ascending */
  resume(numbers: Uint32Array, at: number): Step {
    const count = runAt(this.#states, numbers, at);
    const first = numbers[at] as number;
    if (this.#states.state(first) !== STATE.suspended) return { next: at + count, changed: 0 };
    const { flags } = this.#states.chunk(first);
    const row = rowOf(first);
    const event = ((flags[row] as number) & JOB_FLAG.heldDelayed) === 0 ? 'resume' : 'resumeDelayed';
    // One by one where each may have something else to wait for.
    if (((flags[row] as number) & JOB_FLAG.waits) === 0) moveRun(this.#states, first, count, event);
    else for (let number = first; number < first + count; number += 1) this.#moveOn(number, event);
    this.#markDelayed(first, count, false);
    this.note(first, count);
    return { next: at + count, changed: count };
  }

  #moveOn(number: number, event: 'resume' | 'resumeDelayed'): void {
    this.#states.move(number, event);
    if (event === 'resume' || this.#states.state(number) === STATE.delayed) return;
    const { flags } = this.#states.chunk(number);
    flags[rowOf(number)] = (flags[rowOf(number)] as number) | JOB_FLAG.calledOff;
  }

  /** The back-off of a suspended job is over. */
  due(number: number): void {
    this.#markDelayed(number, 1, false);
  }

  /** The bits of consecutive jobs are to be written. */
  note(first: number, count = 1): void {
    for (let number = first; number < first + count; ) {
      const entry = this.#segments.find(number);
      if (entry === undefined) return;
      this.changed.add(entry);
      number = entry.first + entry.count;
    }
  }

  /** A bit a job of a segment; `null`: none of them is suspended. */
  bits({ first, count }: SegmentEntry): Uint8Array | null {
    let bits: Uint8Array | null = null;
    for (let i = 0; i < count; ) {
      const row = rowOf(first + i);
      const end = Math.min(count, i + CHUNK_ROWS - row);
      const state = this.#states.table.chunkOf(first + i)?.state;
      // A million jobs are written at once: columns are walked, not looked up row by row.
      for (let at = row; i < end; i += 1, at += 1) {
        if (state?.[at] !== STATE.suspended) continue;
        bits ??= new Uint8Array((count + 7) >> 3);
        bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
      }
    }
    return bits;
  }

  /** The flag of a run of jobs that were alike. */
  #markDelayed(first: number, count: number, delayed: boolean): void {
    const { flags } = this.#states.chunk(first);
    const row = rowOf(first);
    for (let at = row; at < row + count; at += 1) {
      const others = (flags[at] as number) & ~JOB_FLAG.heldDelayed;
      flags[at] = delayed ? others | JOB_FLAG.heldDelayed : others;
    }
  }
}
