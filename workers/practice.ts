/**
 * What a thread does while it has nothing to do after its start: it takes in made-up lines, so that what a large add needs is
 * machine code when the first one comes. Measured: compiling took 0.35 s of CPU within the first second of a million lines.
 */
import { DEFAULT_JOB_OPTIONS } from '../core/job-options.ts';
import { ingest } from './ingest.ts';

/** Of a millisecond or two each, so that a task need not wait. */
const STEPS = 64;
const LINES = 1_024;

type Line = (i: number, step: number) => string;

const KINDS: readonly Line[] = [
  (i, step) => `sort --key ${i} part-${step}.txt\n`,
  (i, step) => `{"cmd":"align sample-${i}.fq","dep_grps":["aligned-${step}-${i}"],"deps":["trimmed-${i}"]}\n`,
];

/** Steps to be taken one by one. */
export function* practice(): Iterable<void> {
  for (let step = 0; step < STEPS; step += 1) {
    const line = KINDS[step % KINDS.length] as Line;
    const lines = Array.from({ length: LINES }, (_, i) => line(i, step)).join('');
    ingest({ bytes: new Uint8Array(Buffer.from(lines)), defaults: DEFAULT_JOB_OPTIONS });
    yield;
  }
}
