/**
 * Completed commands written straight into a database, in the layout that running them leaves behind: running ten million
 * takes many minutes, and what is asked about them afterwards reads only this.
 */
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { EMPTY_RECORD } from '../../core/job-record.ts';
import { STATE } from '../../core/states.ts';
import { completeKeyWrite, doneWrite } from '../../store/history-tables.ts';
import type { KeyValueStore, Write } from '../../store/key-value.ts';
import {
  counterWrite,
  directoryWrite,
  groupSegmentWrite,
  repGroupWrite,
  segmentWrite,
  templateWrite,
} from '../../store/layout.ts';
import { openLmdb } from '../../store/lmdb.ts';
import { ingest } from '../../workers/ingest.ts';
import type { LineMaker } from './files.ts';

const SEGMENT_JOBS = 10_000;
const KEYS_PER_COMMIT = 100_000;
const STARTED_MS = 1_700_000_000_000;
const WALL_MS = 1_500;

/** Fills an empty database with `count` completed commands of one report group. */
export async function writeHistory(
  path: string,
  count: number,
  repGroup: string,
  line: LineMaker,
): Promise<void> {
  const store = openLmdb(path);
  const keys = Buffer.alloc(count * 16);
  try {
    for (let from = 0; from < count; from += SEGMENT_JOBS)
      await writeSegment(store, from, Math.min(count, from + SEGMENT_JOBS), repGroup, line, keys);
    await writeKeys(store, keys, count);
    const sums = [count, 10 * count, 100 * count, 0, 0, WALL_MS * count, WALL_MS ** 2 * count, 5 * count];
    const times = [25 * count, STARTED_MS, STARTED_MS + count + WALL_MS];
    await store.commit([
      repGroupWrite(0, { name: repGroup, complete: count, sums: [...sums, ...times] }),
      counterWrite('nextNumber', count + 1),
      counterWrite('nextSegment', Math.ceil(count / SEGMENT_JOBS) + 1),
      counterWrite('nextAttempt', count + 1),
    ]);
  } finally {
    await store.close();
  }
}

async function writeSegment(
  store: KeyValueStore,
  from: number,
  to: number,
  repGroup: string,
  line: LineMaker,
  keys: Buffer,
): Promise<void> {
  let text = '';
  for (let i = from; i < to; i += 1) text += `${line(i)}\n`;
  const packed = ingest({ bytes: Buffer.from(text), defaults: { ...DEFAULT_JOB_OPTIONS, repGroup } });
  const segment = from / SEGMENT_JOBS + 1;
  const first = from + 1;
  keys.set(packed.keys, from * 16);
  const writes: Write[] = [
    templateWrite(0, packed.templates[0] ?? ''),
    segmentWrite(segment, packed.segment),
    directoryWrite({ first, segment, count: to - from }),
    groupSegmentWrite(0, first),
  ];
  for (let number = first; number <= to; number += 1) writes.push(doneWrite(number, recordOf(number)));
  await store.commit(writes);
}

/** As a runner of this machine would have left it. */
function recordOf(number: number): typeof EMPTY_RECORD {
  return {
    ...EMPTY_RECORD,
    state: STATE.complete,
    attempts: 1,
    attempt: number,
    runnerId: 'f1a2b3c4-0000-4000-8000-1234567890ab',
    host: 'node-17',
    ip: '10.0.0.17',
    runnerPid: 4_000,
    pid: 10_000 + (number % 20_000),
    reservedMs: STARTED_MS + number - 1,
    startedMs: STARTED_MS + number,
    endedMs: STARTED_MS + number + WALL_MS,
    peakRamMb: 10,
    cpuMs: 5,
    cwd: `/tmp/wr_cwd/0/1/2/3456789abcdef0123456789abcdef${number}/cwd`,
  };
}

/** In the order of the index, as the archive's sorted batches end up. */
async function writeKeys(store: KeyValueStore, keys: Buffer, count: number): Promise<void> {
  const places = Uint32Array.from({ length: count }, (_, i) => i);
  const first = Uint32Array.from({ length: count }, (_, i) => keys.readUInt32BE(i * 16));
  places.sort((a, b) => (first[a] as number) - (first[b] as number));
  for (let from = 0; from < count; from += KEYS_PER_COMMIT) {
    const writes = Array.from(places.subarray(from, from + KEYS_PER_COMMIT), (i) =>
      completeKeyWrite(keys.subarray(i * 16, i * 16 + 16), i + 1),
    );
    await store.commit(writes);
  }
}
