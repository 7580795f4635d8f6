/**
 * Options that are parsed, validated, stored and shown, but have no effect yet. `docs/later.md` lists the same; an add
 * that uses one is warned once. What must not be without effect is refused: `unusable-options.ts`.
 */
import type { JobOptions } from './job-options.ts';

const LATER: Readonly<Record<string, (options: JobOptions) => boolean>> = {
  deps: (o) => o.deps.length > 0,
  cmd_deps: (o) => o.cmdDeps.length > 0,
};

export const LATER_OPTIONS: readonly string[] = Object.keys(LATER);

/** Names of the options in use that have no effect yet. */
export function laterOptions(options: JobOptions): string[] {
  return LATER_OPTIONS.filter((name) => LATER[name]?.(options));
}
