/** A line of input that stands for an array of commands. */
import type { IndexRanges } from '../core/array-indexes.ts';
import { arrayPattern } from '../core/array-pattern.ts';
import type { LineOptions } from '../core/job-line.ts';
import type { JobDelta, JobOptions } from '../core/job-options.ts';
import { reqGroupOf } from '../core/requirements.ts';

/** A line that stands for many commands. */
export interface ArrayLine {
  readonly pattern: Uint8Array;
  readonly ranges: IndexRanges;
  /** Their template. */
  readonly options: JobOptions;
  /** What all of them say differently from it, the priority excepted. */
  readonly delta: JobDelta | null;
  /** `null`: the template's. */
  readonly priority: number | null;
  readonly gaveRepGroup: boolean;
  /** As of the frame it stood in. */
  readonly frames?: readonly string[];
}

/**
 * @param cmd - as typed
 * @throws {WrError} BAD_OPTION when its commands would be too long
 */
export function arrayLine(cmd: Uint8Array, { template, array, ...more }: LineOptions): ArrayLine {
  const { options } = template;
  return {
    pattern: arrayPattern(cmd),
    ranges: array ?? new Uint32Array(0),
    // Of the command as typed: what is set in front of it is not the program, and an index does not make it another.
    options: { ...options, reqGroup: reqGroupOf(cmd, options) },
    delta: more.delta,
    priority: more.priority,
    gaveRepGroup: more.gaveRepGroup,
  };
}
