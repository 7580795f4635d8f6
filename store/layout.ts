/**
 * What stands in which table, as typed reads and writes over {@link KeyValueStore}.
 *
 * ```
 * meta           name                 → number (f64)          counters
 * templates      template id          → canonical JSON
 * environments   MD5 of content (hex) → KEY=value, NUL-separated
 * segments       segment id           → packed jobs (core/segment.ts); goes once all of them are removed (store/leftovers.ts)
 * overlays       segment id           → what was changed of its jobs (core/overlay.ts)
 * staged         segment id           → nothing               segments of adds that are not complete: dropped at start
 * directory      first job number     → segment id, count     all of `segments`, history included
 * live           first job number     → bit per finished job  segments with live jobs: of segments, all that a start reads
 * records        job number           → JobRecord             jobs in the queue that were ever touched
 * done           job number           → JobRecord             complete jobs
 * keys           16-byte key          → job number            complete jobs; written in sorted batches
 * unindexed      batch                → job numbers           complete jobs whose keys are not in `keys` yet
 * completions    Unix ms (u48), batch → job numbers          complete jobs by when they were written as such
 * requests       MD5 of request id    → result of an add      so that a repeated request gets the same answer
 * answered       Unix ms (u48), MD5   → nothing               the same by time, so that the oldest are forgotten
 * groups         rep group id         → name, complete, sums; of a set of groups: its groups, complete, sums
 * groupSegments  rep group id, first  → nothing               which segments hold jobs of a report group
 * tallies        first job number     → which of the segment's jobs are found under several report groups (store/tallies.ts)
 * limits         name                 → number (f64)          limit groups that have a limit
 * failBudgets    hash of rep group    → name, max, fails, stopped   report groups that stop when too many jobs were buried
 * bsub           first job number     → LSF job id, count     runs of jobs with a bsub mode, while some are live
 * links          first job number     → what the segment's jobs wait for and belong to (core/dependency-links.ts)
 * dependants     group hash, number   → nothing               complete jobs that waited for a dependency group; the hash alone: it has some
 * seen           group hash           → nothing               dependency groups that had a member and may not be in memory
 * replaced       job number           → job number, tally     complete jobs whose commands are in the queue again, as which; nothing while there is no such job
 * unseen         group hash           → nothing               dependency groups that jobs wait for and that never had a member
 * learned        MD5 of req group     → its name, runs, recommendation, values not in `usage` yet
 * usage          MD5 of req group     → sets of values
 * suspended      first job number     → bit per suspended job
 * ```
 * Numbers in keys are big-endian, so that key order is number order. Those of dependencies, of complete jobs, of named
 * groups and of requests are read and written in files of their own: dependency-tables.ts, history-tables.ts, group-tables.ts,
 * request-tables.ts.
 */
import { pack, unpack } from 'msgpackr';
import { type BsubRun, idIn } from '../core/bsub-ids.ts';
import { decodeRecord, encodeRecord, type JobRecord } from '../core/job-record.ts';
import { Overlay } from '../core/overlay.ts';
import type { SavedTally } from '../core/rep-groups.ts';
import { Segment } from '../core/segment.ts';
import { type KeyValueReader, keyToU32, u32Key, type Write } from './key-value.ts';

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `paused` is 1 while nothing may be started; `overlays` rises whenever overlays are written. */
export type Counter = 'nextNumber' | 'nextSegment' | 'nextAttempt' | 'nextBsubId' | 'paused' | 'overlays';

export interface DirectoryEntry {
  readonly first: number;
  readonly segment: number;
  readonly count: number;
}

// ---------------------------------------------------------------- writes

export function counterWrite(name: Counter, value: number): Write {
  return { table: 'meta', key: encoder.encode(name), value: numberBytes(value) };
}

/** A negative limit is none. */
export function limitWrite(name: string, limit: number): Write {
  return { table: 'limits', key: encoder.encode(name), value: limit < 0 ? null : numberBytes(limit) };
}

export function templateWrite(id: number, json: string): Write {
  return { table: 'templates', key: u32Key(id), value: encoder.encode(json) };
}

export function environmentWrite(envId: string, env: Uint8Array): Write {
  return { table: 'environments', key: encoder.encode(envId), value: env };
}

export function segmentWrite(segment: number, bytes: Uint8Array): Write {
  return { table: 'segments', key: u32Key(segment), value: bytes };
}

export function overlayWrite(segment: number, overlay: Overlay): Write {
  return { table: 'overlays', key: u32Key(segment), value: overlay.encode() };
}

export function stagedWrite(segment: number, staged: boolean): Write {
  return { table: 'staged', key: u32Key(segment), value: staged ? EMPTY : null };
}

export function dropSegmentWrite(segment: number): Write {
  return { table: 'segments', key: u32Key(segment), value: null };
}

export function directoryWrite(entry: DirectoryEntry): Write {
  const value = new Uint8Array(8);
  value.set(u32Key(entry.segment));
  value.set(u32Key(entry.count), 4);
  return { table: 'directory', key: u32Key(entry.first), value };
}

/** `null` bits: every job of it is finished. */
export function liveWrite(first: number, finished: Uint8Array | null): Write {
  return { table: 'live', key: u32Key(first), value: finished };
}

/** `null` bits: no job of the segment is suspended. */
export function suspendedWrite(first: number, bits: Uint8Array | null): Write {
  return { table: 'suspended', key: u32Key(first), value: bits };
}

export function groupSegmentWrite(repGroup: number, first: number): Write {
  const key = new Uint8Array(8);
  key.set(u32Key(repGroup));
  key.set(u32Key(first), 4);
  return { table: 'groupSegments', key, value: EMPTY };
}

export function recordWrite(number: number, record: JobRecord | null): Write {
  return { table: 'records', key: u32Key(number), value: record === null ? null : encodeRecord(record) };
}

/** `null`: the complete job counts again, or its record goes. */
export function replacedWrite(number: number, by: { number: number; tally: number } | null): Write {
  if (by === null) return { table: 'replaced', key: u32Key(number), value: null };
  const value = new Uint8Array(8);
  for (let at = 0; at < 4; at += 1) {
    value[at] = by.number >>> (24 - 8 * at);
    value[at + 4] = by.tally >>> (24 - 8 * at);
  }
  return { table: 'replaced', key: u32Key(number), value };
}

/** `null`: a set of groups that has no jobs any more. */
export function repGroupWrite(id: number, saved: SavedTally | null): Write {
  return { table: 'groups', key: u32Key(id), value: saved === null ? null : pack(saved) };
}

export function bsubRunWrite({ first, id, count, isArray }: BsubRun): Write {
  const value = new Uint8Array(9);
  value.set(u32Key(id));
  value.set(u32Key(count), 4);
  value[8] = isArray ? 1 : 0;
  return { table: 'bsub', key: u32Key(first), value };
}

export function dropBsubRunWrite(first: number): Write {
  return { table: 'bsub', key: u32Key(first), value: null };
}

// ---------------------------------------------------------------- reads

export function readCounter(store: KeyValueReader, name: Counter, otherwise: number): number {
  const bytes = store.get('meta', encoder.encode(name));
  return bytes === undefined || bytes.byteLength !== 8 ? otherwise : numberOf(bytes);
}

export function* readLimits(
  store: KeyValueReader,
): Iterable<{ readonly name: string; readonly limit: number }> {
  for (const { key, value } of store.range('limits'))
    yield { name: decoder.decode(key), limit: numberOf(value) };
}

export function readTemplate(store: KeyValueReader, id: number): string | undefined {
  const bytes = store.get('templates', u32Key(id));
  return bytes === undefined ? undefined : decoder.decode(bytes);
}

/** One past the highest id on disk. */
export function nextTemplateId(store: KeyValueReader): number {
  for (const { key } of store.range('templates', { reverse: true, limit: 1 })) return keyToU32(key) + 1;
  return 0;
}

export function readEnvironment(store: KeyValueReader, envId: string): Uint8Array | undefined {
  return store.get('environments', encoder.encode(envId));
}

/** @throws {WrError} STORE_UNREADABLE, STORE_NEWER */
export function readOverlay(store: KeyValueReader, segment: number): Overlay | null {
  const bytes = store.get('overlays', u32Key(segment));
  return bytes === undefined ? null : Overlay.decode(bytes);
}

/** A segment with what was changed of its jobs; `undefined`: there is none. @throws {WrError} STORE_UNREADABLE, STORE_NEWER */
export function readSegment(store: KeyValueReader, segment: number): Segment | undefined {
  const bytes = store.get('segments', u32Key(segment));
  return bytes === undefined ? undefined : new Segment(bytes, readOverlay(store, segment));
}

export function* readStaged(store: KeyValueReader): Iterable<number> {
  for (const { key } of store.range('staged')) yield keyToU32(key);
}

export function* readLive(
  store: KeyValueReader,
): Iterable<{ readonly first: number; readonly finished: Uint8Array }> {
  for (const { key, value } of store.range('live')) yield { first: keyToU32(key), finished: value };
}

export function* readSuspended(
  store: KeyValueReader,
): Iterable<{ readonly first: number; readonly bits: Uint8Array }> {
  for (const { key, value } of store.range('suspended')) yield { first: keyToU32(key), bits: value };
}

export function readDirectory(store: KeyValueReader, first: number): DirectoryEntry | undefined {
  const value = store.get('directory', u32Key(first));
  return value === undefined ? undefined : directoryEntry(first, value);
}

/** All segments, in order of their numbers. */
export function* readDirectoryEntries(store: KeyValueReader): Iterable<DirectoryEntry> {
  for (const { key, value } of store.range('directory')) yield directoryEntry(keyToU32(key), value);
}

/** The segment that holds a number, in the queue or in history. */
export function findInDirectory(store: KeyValueReader, number: number): DirectoryEntry | undefined {
  for (const { key, value } of store.range('directory', { from: u32Key(number), reverse: true, limit: 1 })) {
    const entry = directoryEntry(keyToU32(key), value);
    return number < entry.first + entry.count ? entry : undefined;
  }
  return undefined;
}

/** First numbers of the segments that hold jobs of a report group, from `from` on. */
export function* readGroupSegments(store: KeyValueReader, repGroup: number, from = 0): Iterable<number> {
  const key = (first: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    bytes.set(u32Key(repGroup));
    bytes.set(u32Key(first), 4);
    return bytes;
  };
  const to = new Uint8Array(8);
  to.set(u32Key(repGroup + 1));
  for (const entry of store.range('groupSegments', { from: key(from), to }))
    yield keyToU32(entry.key.subarray(4));
}

/** Report groups that have jobs in any of these segments; goes through the whole table. */
export function groupsWithin(store: KeyValueReader, firsts: ReadonlySet<number>): number[] {
  const groups = new Set<number>();
  for (const { key } of store.range('groupSegments'))
    if (firsts.has(keyToU32(key.subarray(4)))) groups.add(keyToU32(key));
  return [...groups];
}

export function* readRecords(
  store: KeyValueReader,
): Iterable<{ readonly number: number; readonly record: JobRecord }> {
  for (const { key, value } of store.range('records'))
    yield { number: keyToU32(key), record: decodeRecord(value) };
}

export function readRecord(store: KeyValueReader, number: number): JobRecord | undefined {
  const bytes = store.get('records', u32Key(number));
  return bytes === undefined ? undefined : decodeRecord(bytes);
}

/** The job that is to take a complete one's place, once it has a state; `undefined`: none. */
export function replacedBy(store: KeyValueReader, number: number): number | undefined {
  const value = store.get('replaced', u32Key(number));
  return value === undefined ? undefined : keyToU32(value);
}

export function* readReplaced(
  store: KeyValueReader,
): Iterable<{ readonly number: number; readonly by: number; readonly tally: number }> {
  for (const { key, value } of store.range('replaced'))
    yield { number: keyToU32(key), by: keyToU32(value), tally: keyToU32(value.subarray(4)) };
}

export function* readRepGroups(
  store: KeyValueReader,
): Iterable<{ readonly id: number; readonly saved: SavedTally }> {
  for (const { key, value } of store.range('groups')) yield { id: keyToU32(key), saved: unpack(value) };
}

export function readRepGroup(store: KeyValueReader, id: number): SavedTally | undefined {
  const value = store.get('groups', u32Key(id));
  return value === undefined ? undefined : unpack(value);
}

/** All runs, by job number. */
export function* readBsubRuns(store: KeyValueReader): Iterable<BsubRun> {
  for (const { key, value } of store.range('bsub')) yield bsubRun(key, value);
}

/** The LSF job id of a job; 0: it has none. */
export function readBsubId(store: KeyValueReader, number: number): number {
  for (const { key, value } of store.range('bsub', { from: u32Key(number), reverse: true, limit: 1 })) {
    return idIn(bsubRun(key, value), number);
  }
  return 0;
}

function bsubRun(key: Uint8Array, value: Uint8Array): BsubRun {
  return {
    first: keyToU32(key),
    id: keyToU32(value),
    count: keyToU32(value.subarray(4)),
    isArray: value[8] === 1,
  };
}

function directoryEntry(first: number, value: Uint8Array): DirectoryEntry {
  return { first, segment: keyToU32(value), count: keyToU32(value.subarray(4)) };
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
}
