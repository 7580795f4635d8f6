/** The variables that the runner says afresh to each command (jobs.md §12, §21, since-0.36.md §2.4). */
import { ARRAY_VARIABLE } from '../../core/array-pattern.ts';
import { MARK_NAME } from '../../core/attempt-mark.ts';
import type { JobOptions } from '../../core/job-options.ts';
import { type ResourceIds, resourceVariables } from '../../core/resource-names.ts';
import type { Workspace } from './attempt-directories.ts';
import { type ByteString, toByteString } from './bytes.ts';
import type { Environment } from './environment.ts';
import type { Emulation } from './lsf-emulation.ts';

type Variables = Iterable<readonly [string, ByteString]>;

/** Of the job. */
interface OwnOf {
  readonly options: Pick<JobOptions, 'changeHome'>;
  readonly arrayIndex: string;
  readonly resources: ResourceIds | null;
}

/** Said after the user's own, so that they win. */
export function ownVariables(
  { options, arrayIndex, resources }: OwnOf,
  workspace: Workspace | null,
  mark: string,
  emulation: Emulation | null,
): readonly (readonly [string, ByteString])[] {
  const variables: (readonly [string, ByteString])[] = [[MARK_NAME, mark]];
  if (resources !== null) variables.push(...resourceVariables(resources));
  if (workspace !== null) {
    variables.push(['TMPDIR', toByteString(workspace.tmp)], ['WR_JOB_CWD', toByteString(workspace.base)]);
    if (options.changeHome) variables.push(['HOME', toByteString(workspace.cwd)]);
  }
  if (arrayIndex !== '') variables.push([ARRAY_VARIABLE, arrayIndex]);
  if (emulation !== null) variables.push(...emulation.variables);
  return variables;
}

/** Each laid over the ones before it. */
export function layered(...layers: readonly Variables[]): Environment {
  return new Map(layers.flatMap((layer) => [...layer]));
}
