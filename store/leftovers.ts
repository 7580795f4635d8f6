/**
 * What nothing in the store needs any more. Segments go soon after the last of their jobs was removed; all else, and what a
 * crash left of those, when the database of a stopped manager is compacted.
 */
import { Overlay } from '../core/overlay.ts';
import { Segment } from '../core/segment.ts';
import { parseTemplate } from '../core/template.ts';
import { hasDone } from './history-tables.ts';
import { type KeyValueStore, keyToU32, type TableName, u32Key, type Write } from './key-value.ts';
import { type DirectoryEntry, readDirectoryEntries, readTemplate } from './layout.ts';

/** Of one transaction of a sweep. */
const WRITES_MAX = 1_024;
const decoder = new TextDecoder();

/** All that stands of a segment, but where its report groups find it: a few bytes that a sweep takes. */
export function forgetSegmentWrites({ first, segment }: DirectoryEntry): Write[] {
  const bySegment: readonly TableName[] = ['segments', 'overlays'];
  const byFirst: readonly TableName[] = ['directory', 'tallies', 'links', 'suspended'];
  return [
    ...bySegment.map((table) => ({ table, key: u32Key(segment), value: null })),
    ...byFirst.map((table) => ({ table, key: u32Key(first), value: null })),
  ];
}

/**
 * Takes out of a store that no manager serves: segments of whose jobs none is in the queue or complete, templates and
 * environments that no job has, and parts of adds that never came to their end.
 * @throws {WrError} STORE_FULL, STORE_FAILED: some of it may have gone
 */
export async function sweep(store: KeyValueStore): Promise<void> {
  const kept = await sweepSegments(store);
  const templates = await sweepContent(store, kept);
  const environments = new Set<string>();
  for (const id of templates) {
    const json = readTemplate(store, id);
    if (json !== undefined) environments.add(parseTemplate(json).envId);
  }
  await drop(store, 'templates', (key) => !templates.has(keyToU32(key)));
  await drop(store, 'environments', (key) => !environments.has(decoder.decode(key)));
  await drop(store, 'groupSegments', (key) => !kept.has(keyToU32(key.subarray(4))));
}

/** @returns the first numbers of those that stay, with their ids */
async function sweepSegments(store: KeyValueStore): Promise<Map<number, number>> {
  const live = new Set(Array.from(store.range('live'), ({ key }) => keyToU32(key)));
  const kept = new Map<number, number>();
  const gone: DirectoryEntry[] = [];
  for (const entry of readDirectoryEntries(store)) {
    if (live.has(entry.first) || hasDone(store, entry.first, entry.count))
      kept.set(entry.first, entry.segment);
    else gone.push(entry);
  }
  await inSteps(store, gone.flatMap(forgetSegmentWrites));
  return kept;
}

/** Segments that no number leads to. @returns ids of the templates of the others */
async function sweepContent(store: KeyValueStore, kept: ReadonlyMap<number, number>): Promise<Set<number>> {
  const ids = new Set(kept.values());
  const templates = new Set<number>();
  for (const { key, value } of store.range('segments')) {
    if (!ids.has(keyToU32(key))) continue;
    for (const id of new Segment(value).templateIds) templates.add(id);
  }
  for (const { key, value } of store.range('overlays')) {
    if (!ids.has(keyToU32(key))) continue;
    for (const id of Overlay.decode(value).templateIds) templates.add(id);
  }
  for (const table of ['segments', 'overlays', 'staged'] as const)
    await drop(store, table, (key) => !ids.has(keyToU32(key)));
  return templates;
}

async function drop(
  store: KeyValueStore,
  table: TableName,
  isLeft: (key: Uint8Array) => boolean,
): Promise<void> {
  const writes: Write[] = [];
  for (const { key } of store.range(table))
    if (isLeft(key)) writes.push({ table, key: key.slice(), value: null });
  await inSteps(store, writes);
}

async function inSteps(store: KeyValueStore, writes: readonly Write[]): Promise<void> {
  for (let at = 0; at < writes.length; at += WRITES_MAX)
    await store.commit(writes.slice(at, at + WRITES_MAX));
}
