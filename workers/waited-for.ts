/**
 * Whom a job waits for: of the commands that it names, and of the members of its groups, those that are not done, by state.
 * Groups count their members and do not list them, so the links of all segments with jobs in the queue are looked through:
 * for a person who asks, and in a worker.
 */
import { type LinkColumns, RUN } from '../core/dependency-links.ts';
import { KEY_WORDS } from '../core/identity.ts';
import type { JobTable } from '../core/job-table.ts';
import { isLive, STATE } from '../core/states.ts';
import { readLinks } from '../store/dependency-tables.ts';
import { readDirectory, readLive } from '../store/layout.ts';
import type { JobReader } from './job-reader.ts';

/** Named of those that nothing but a user helps. */
const STUCK_MAX = 3;

export interface WaitedFor {
  /** By state code. */
  readonly counts: readonly number[];
  /** Keys of a few that are buried. */
  readonly buried: readonly string[];
}

const NOBODY: WaitedFor = { counts: [], buried: [] };

export function waitedFor(number: number, reader: JobReader, table: JobTable): WaitedFor {
  const entry = reader.locate(number);
  const links = entry === undefined ? undefined : readLinks(reader.store, entry.first);
  if (entry === undefined || links === undefined) return NOBODY;
  const at = number - entry.first;
  const found = new Found(table);
  const parents = new Set(sharedBy(links.singles, at));
  for (const parent of parents) found.add(parent);
  const hashes = sharedBy(links.waits, at).map((group) => hashOf(links.groups, group));
  if (hashes.length === 0) return found;
  for (const { first } of readLive(reader.store)) addMembers(found, first, hashes, parents, reader);
  return found;
}

class Found implements WaitedFor {
  readonly counts: number[] = [];
  readonly buried: string[] = [];
  readonly #table: JobTable;

  constructor(table: JobTable) {
    this.#table = table;
  }

  add(number: number): void {
    const state = this.#table.state(number);
    if (!isLive(state)) return;
    this.counts[state] = (this.counts[state] ?? 0) + 1;
    if (state === STATE.buried && this.buried.length < STUCK_MAX)
      this.buried.push(this.#table.keyHex(number));
  }
}

/** Adds the jobs of a segment that are members of a group, each once, and not those that were added as parents. */
function addMembers(
  found: Found,
  first: number,
  hashes: readonly Uint32Array[],
  parents: ReadonlySet<number>,
  reader: JobReader,
): void {
  const links = readLinks(reader.store, first);
  const count = readDirectory(reader.store, first)?.count ?? 0;
  if (links === undefined || count === 0) return;
  const groups = groupsWith(links, hashes);
  if (groups.size === 0) return;
  const isAdded = new Uint8Array(count);
  const { members } = links;
  for (let at = 0; at < members.length; at += RUN) {
    if (!groups.has(members[at + 2] as number)) continue;
    const end = (members[at] as number) + (members[at + 1] as number);
    for (let job = members[at] as number; job < end; job += 1) {
      if (isAdded[job] === 0 && !parents.has(first + job)) found.add(first + job);
      isAdded[job] = 1;
    }
  }
}

/** Indexes of the groups that have one of these hashes. */
function groupsWith({ groups }: LinkColumns, hashes: readonly Uint32Array[]): Set<number> {
  const found = new Set<number>();
  for (let at = 0; at < groups.length; at += KEY_WORDS) {
    const isWanted = hashes.some((hash) => hash.every((word, i) => groups[at + i] === word));
    if (isWanted) found.add(at / KEY_WORDS);
  }
  return found;
}

/** What the runs say of the job at a position. */
function sharedBy(runs: Uint32Array, job: number): number[] {
  const shared: number[] = [];
  for (let at = 0; at < runs.length; at += RUN) {
    const first = runs[at] as number;
    if (job >= first && job < first + (runs[at + 1] as number)) shared.push(runs[at + 2] as number);
  }
  return shared;
}

function hashOf(groups: Uint32Array, group: number): Uint32Array {
  return groups.slice(group * KEY_WORDS, (group + 1) * KEY_WORDS);
}
