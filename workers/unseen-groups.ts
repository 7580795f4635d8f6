/** Dependency groups that a job waits for and that nobody has ever seen (since-0.36.md §2.2). */
import { groupHashBytes } from '../core/dependency-links.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { JobTable } from '../core/job-table.ts';
import { isUnseen } from '../store/dependency-tables.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import type { JobReader } from './job-reader.ts';

/** Names of those among a job's options. */
export function unseenGroups(store: KeyValueReader, { deps, cmdDeps }: JobOptions): string[] {
  if (deps.length + cmdDeps.length === 0 || store.count('unseen') === 0) return [];
  const names = [...deps, ...cmdDeps.flatMap((each) => ('depGroup' in each ? [each.depGroup] : []))];
  return [...new Set(names)].filter((name) => isUnseen(store, groupHashBytes(name)));
}

/** The same for a job by its number. */
export function groupsNeverSeen(number: number, reader: JobReader, table: JobTable): string[] {
  if (reader.store.count('unseen') === 0) return [];
  const job = reader.read(number, table);
  return job === undefined ? [] : unseenGroups(reader.store, job.options);
}
