/**
 * Options that are parsed, validated, stored and shown, but have no effect yet. `docs/later.md` lists the same; an add
 * that uses one is warned once.
 */
import type { JobOptions } from './job-options.ts';

const LATER: Readonly<Record<string, (options: JobOptions) => boolean>> = {
  limit_grps: (o) => o.limitGroups.length > 0,
  deps: (o) => o.deps.length > 0,
  cmd_deps: (o) => o.cmdDeps.length > 0,
  mounts: (o) => o.mounts.length > 0,
  with_docker: (o) => o.withDocker !== '',
  with_singularity: (o) => o.withSingularity !== '',
  monitor_docker: (o) => o.monitorDocker !== '',
  bsub_mode: (o) => o.bsubMode !== '',
};

export const LATER_OPTIONS: readonly string[] = Object.keys(LATER);

/** Names of the options in use that have no effect yet. */
export function laterOptions(options: JobOptions): string[] {
  return LATER_OPTIONS.filter((name) => LATER[name]?.(options));
}
