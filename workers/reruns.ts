/**
 * Complete jobs that must run again because groups they waited for gain members (jobs.md §11), and those that must run
 * again because of these, as segments ready to be added: the same commands, options and groups under new numbers.
 */
import { type LinkColumns, type NamedLinks, RUN } from '../core/dependency-links.ts';
import { KEY_BYTES, keyToHex } from '../core/identity.ts';
import { LinkBuilder } from '../core/link-builder.ts';
import type { Segment } from '../core/segment.ts';
import { packSegment } from '../core/segment-pack.ts';
import { readDependants, readLinks } from '../store/dependency-tables.ts';
import { readCompleteKey, readDone } from '../store/history-tables.ts';
import { readTemplate } from '../store/layout.ts';
import type { JobReader } from './job-reader.ts';

/** In one segment. */
const PART_JOBS_MAX = 4_096;

/** Jobs to be run again: as a part of an add. */
export interface RerunPart {
  readonly count: number;
  /** The complete jobs. */
  readonly numbers: Uint32Array;
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Its template ids count from 0 in `templates`. */
  readonly segment: Uint8Array<ArrayBuffer>;
  /** Canonical JSON a template. */
  readonly templates: readonly string[];
  readonly templateIndex: Uint32Array;
  readonly priorities: Uint8Array | null;
  readonly links: NamedLinks | null;
}

interface Found {
  readonly number: number;
  readonly segment: Segment;
  /** Its position in the segment. */
  readonly at: number;
  /** Hashes of groups, 16 characters each. */
  readonly members: readonly string[];
  readonly waits: readonly string[];
}

/**
 * @param groups - hashes of the groups that gain members, 16 bytes each
 * @param complete - numbers of complete jobs that wait for such a group and are not in the index yet
 */
export function findReruns(groups: Uint8Array, complete: Uint32Array, reader: JobReader): RerunPart[] {
  const links = new LinksOfJobs(reader);
  const found = new Map<string, Found>();
  const looked = new Set<string>();
  const hashes: string[] = [];
  const want = (hash: string): void => {
    if (!looked.has(hash)) hashes.push(hash);
    looked.add(hash);
  };
  const take = (number: number): void => {
    const entry = reader.locate(number);
    if (entry === undefined) return;
    const segment = reader.segment(entry.segment);
    const at = number - entry.first;
    const key = keyToHex(segment.key(at));
    // Of several runs of one command the last counts.
    if ((found.get(key)?.number ?? 0) >= number) return;
    const { members, waits } = links.of(entry.first, at);
    found.set(key, { number, segment, at, members, waits });
    for (const hash of members) want(hash);
  };
  for (let at = 0; at < groups.byteLength; at += KEY_BYTES)
    want(Buffer.from(groups.buffer, groups.byteOffset + at, KEY_BYTES).toString('latin1'));
  for (const number of complete) take(number);
  for (let hash = hashes.pop(); hash !== undefined; hash = hashes.pop()) {
    for (const number of readDependants(reader.store, Buffer.from(hash, 'latin1')))
      if (isCurrent(number, reader)) take(number);
  }
  return parts(
    [...found.values()].sort((a, b) => a.number - b.number),
    reader,
  );
}

/** Whether a number still stands for its command's completion: it was not run again since. */
function isCurrent(number: number, reader: JobReader): boolean {
  if (readDone(reader.store, number) === undefined) return false;
  const entry = reader.locate(number);
  if (entry === undefined) return false;
  const indexed = readCompleteKey(reader.store, reader.segment(entry.segment).key(number - entry.first));
  return indexed === undefined || indexed <= number;
}

function parts(found: readonly Found[], reader: JobReader): RerunPart[] {
  const made: RerunPart[] = [];
  for (let from = 0; from < found.length; from += PART_JOBS_MAX)
    made.push(part(found.slice(from, from + PART_JOBS_MAX), reader));
  return made;
}

function part(found: readonly Found[], reader: JobReader): RerunPart {
  const ids = [...new Set(found.map(({ segment, at }) => segment.templateId(at)))];
  const index = new Map(ids.map((id, i) => [id, i]));
  const templateIndex = Uint32Array.from(found, ({ segment, at }) => index.get(segment.templateId(at)) ?? 0);
  const commands = found.map(({ segment, at }) => segment.command(at));
  const deltas = found.map(({ segment, at }) => segment.deltaJson(at));
  const links = new LinkBuilder();
  found.forEach(({ members, waits }, job) => {
    links.addHashes(job, members, waits);
  });
  const priorities = prioritiesOf(found, reader);
  const { bytes, keys } = packSegment({
    count: found.length,
    templateIds: ids.map((_, i) => i),
    keys: Buffer.concat(found.map(({ segment, at }) => segment.key(at))),
    commandLengths: commands.map((command) => command.length),
    commands: Buffer.concat(commands),
    templateIndex: ids.length > 1 ? templateIndex : null,
    priorities,
    deltas: deltas.some((delta) => delta !== '') ? deltas : null,
  });
  const templates = ids.map((id) => readTemplate(reader.store, id) ?? '');
  return {
    count: found.length,
    numbers: Uint32Array.from(found, ({ number }) => number),
    keys,
    segment: bytes,
    templates,
    templateIndex,
    priorities,
    links: links.take(),
  };
}

/** `null`: all have their template's. */
function prioritiesOf(found: readonly Found[], reader: JobReader): Uint8Array | null {
  if (found.every(({ segment, at }) => segment.priority(at) === null)) return null;
  return Uint8Array.from(
    found,
    ({ segment, at }) => segment.priority(at) ?? reader.template(segment.templateId(at))?.priority ?? 0,
  );
}

/** Links by job, each segment's spread out once. */
class LinksOfJobs {
  readonly #reader: JobReader;
  readonly #segments = new Map<number, { readonly members: string[][]; readonly waits: string[][] }>();

  constructor(reader: JobReader) {
    this.#reader = reader;
  }

  of(first: number, at: number): { readonly members: readonly string[]; readonly waits: readonly string[] } {
    let links = this.#segments.get(first);
    if (links === undefined) {
      const columns = readLinks(this.#reader.store, first);
      links = {
        members: columns === undefined ? [] : spread(columns, columns.members),
        waits: columns === undefined ? [] : spread(columns, columns.waits),
      };
      this.#segments.set(first, links);
    }
    return { members: links.members[at] ?? [], waits: links.waits[at] ?? [] };
  }
}

function spread({ groups }: LinkColumns, runs: Uint32Array): string[][] {
  const bytes = Buffer.from(groups.buffer, groups.byteOffset, groups.byteLength);
  const byJob: string[][] = [];
  for (let at = 0; at < runs.length; at += RUN) {
    const [first = 0, count = 0, group = 0] = runs.subarray(at, at + RUN);
    const hash = bytes.toString('latin1', 16 * group, 16 * group + 16);
    for (let job = first; job < first + count; job += 1) {
      byJob[job] ??= [];
      byJob[job]?.push(hash);
    }
  }
  return byJob;
}
