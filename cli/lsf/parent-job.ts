/** What a command with a bsub mode hands on to the jobs it submits: `WR_BSUB_CONFIG` (spec: jobs.md §21). */
import type { JobOptions, MountConfig } from '../../core/job-options.ts';
import { isObject, UnknownMembers } from '../../core/json-values.ts';
import { readMounts } from '../../core/mounts.ts';

export interface ParentJob {
  readonly mounts: readonly MountConfig[];
  /** Requests to the scheduler. */
  readonly other: JobOptions['other'];
  /** '': not said. */
  readonly deployment: string;
}

const NO_PARENT: ParentJob = { mounts: [], other: {}, deployment: '' };

/**
 * @param config - the variable's value; what is no JSON object, or of another shape, says nothing
 * @throws {WrError} BAD_OPTION when the mounts make no sense: a job without them must not run
 */
export function parentJob(config: string | undefined): ParentJob {
  if (config === undefined) return NO_PARENT;
  let value: unknown;
  try {
    value = JSON.parse(config);
  } catch {
    return NO_PARENT; // Not ours.
  }
  if (!isObject(value)) return NO_PARENT;
  const { MountConfigs, Requirements, BsubMode } = value;
  return {
    mounts: Array.isArray(MountConfigs)
      ? readMounts(MountConfigs, 'WR_BSUB_CONFIG: MountConfigs', new UnknownMembers())
      : [],
    other: isObject(Requirements) ? texts(Requirements.Other) : {},
    deployment: BsubMode === 'production' || BsubMode === 'development' ? BsubMode : '',
  };
}

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
