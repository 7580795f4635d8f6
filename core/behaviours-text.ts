import type { Behaviour, JobOptions } from './job-options.ts';

/** Behaviours as status shows them: a JSON object by trigger; '' when there are none (jobs.md §14). */
export function behavioursText(options: Pick<JobOptions, 'onFailure' | 'onSuccess' | 'onExit'>): string {
  const lists: [string, readonly Behaviour[]][] = [
    ['on_failure', options.onFailure],
    ['on_success', options.onSuccess],
    ['on_exit', options.onExit],
  ];
  const shown = lists.filter(([, behaviours]) => behaviours.length > 0);
  return shown.length === 0 ? '' : JSON.stringify(Object.fromEntries(shown));
}
