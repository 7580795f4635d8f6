/**
 * Options that are known and checked, and cannot be carried out yet: an add that uses one is refused, for a command must
 * never run without what it was promised. `docs/later.md` lists the same.
 */
import { WrError } from './errors.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from './job-options.ts';

const UNUSABLE: Readonly<Record<string, (options: JobOptions) => string>> = {
  mounts: ({ mounts }) => (mounts.length > 0 ? JSON.stringify(mounts) : ''),
  with_docker: ({ withDocker }) => withDocker,
  with_singularity: ({ withSingularity }) => withSingularity,
  container_mounts: ({ containerMounts }) => containerMounts,
  container_image_user: ({ containerImageUser }) => (containerImageUser ? 'true' : ''),
  monitor_docker: ({ monitorDocker }) => monitorDocker,
};

export const UNUSABLE_OPTIONS: readonly string[] = Object.keys(UNUSABLE);

/** The same for options that are to be changed. */
export function refuseUnusableChanges(options: Partial<JobOptions>, named?: Named): void {
  refuseUnusable({ ...DEFAULT_JOB_OPTIONS, ...options }, 'changed', named);
}

/** How the user said it. */
type Named = (name: string, value: string) => string;

const AS_IN_JSON: Named = (name, value) => `${name} (${value})`;

/** @throws {WrError} NOT_SUPPORTED naming the option and its value */
export function refuseUnusable(options: JobOptions, what = 'added', named = AS_IN_JSON): void {
  for (const [name, asGiven] of Object.entries(UNUSABLE)) {
    const value = asGiven(options);
    if (value === '') continue;
    throw new WrError('NOT_SUPPORTED', `${named(name, value)} cannot be used yet: nothing was ${what}`);
  }
}
