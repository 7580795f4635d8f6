/** What `wr mod` does to the options of a command (spec: cli.md §7, since-0.36.md §1.7). */
import { settle } from './job-line.ts';
import type { JobOptions } from './job-options.ts';

/** What is to be another way; what is not named stays. */
export interface ModChanges {
  readonly options: Partial<JobOptions>;
  /** Of the other requirements: these go. */
  readonly dropOther: readonly string[];
  /** The command itself, of one job; `null`: stays. */
  readonly cmd: Uint8Array | null;
}

/** Options with a change laid over them, and what follows from it. */
export function modified(before: JobOptions, { options, dropOther }: ModChanges): JobOptions {
  const after = settle({ ...before, ...options });
  if (!dropOther.some((name) => name in after.other)) return after;
  const other = Object.entries(after.other).filter(([name]) => !dropOther.includes(name));
  return { ...after, other: Object.fromEntries(other) };
}

const IDENTITY_FIELDS = [
  'cwd',
  'cwdMatters',
  'mounts',
  'withDocker',
  'withSingularity',
  'containerMounts',
] as const satisfies readonly (keyof JobOptions)[];

/** Whether jobs may get other keys by it. */
export function mayChangeKeys({ options, cmd }: ModChanges): boolean {
  return cmd !== null || IDENTITY_FIELDS.some((field) => options[field] !== undefined);
}
