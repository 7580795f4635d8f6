/**
 * The hot state of every job that is not archived yet: one row a job number, in columns, without an object per job.
 *
 * Rows live in chunks of 65,536, each one SharedArrayBuffer: adding a chunk never moves what is there (growing one large
 * buffer would hold the event loop), the workers read the same memory, and a chunk all of whose jobs are archived is
 * given back. Only the main thread writes.
 *
 * A row is 32 bytes: the key (16), template and cohort (4 + 4), last exit code (2), and state, priority, attempts,
 * retries left, fail reason and flags (1 each).
 */
import { WrError } from './errors.ts';
import { FiguresTable } from './figures-table.ts';
import { STATE } from './states.ts';

export const CHUNK_BITS = 16;
export const CHUNK_ROWS = 1 << CHUNK_BITS;
const ROW_MASK = CHUNK_ROWS - 1;
const ROW_BYTES = 32;

/** Job numbers start here: 0 means "no job" wherever a number is stored. */
export const FIRST_JOB_NUMBER = 1;

/** One chunk's columns; row `r` of chunk `c` is job number `c * CHUNK_ROWS + r`. */
export class TableChunk {
  readonly buffer: SharedArrayBuffer;
  /** Four words a row. */
  readonly key: Uint32Array;
  readonly template: Uint32Array;
  readonly cohort: Uint32Array;
  readonly exitCode: Int16Array;
  readonly state: Uint8Array;
  readonly priority: Uint8Array;
  readonly attempts: Uint8Array;
  readonly retriesLeft: Uint8Array;
  readonly reason: Uint8Array;
  readonly flags: Uint8Array;
  /** By row: the set of report groups that a job with the flag is counted in; kept by the main thread only. */
  sets: Uint32Array | null = null;
  /** Rows that hold a job which is not archived, or a claimed key; kept by the main thread only. */
  occupied = 0;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(CHUNK_ROWS * ROW_BYTES)) {
    this.buffer = buffer;
    let at = 0;
    const take = (bytesPerRow: number): number => {
      const start = at;
      at += bytesPerRow * CHUNK_ROWS;
      return start;
    };
    this.key = new Uint32Array(buffer, take(16), CHUNK_ROWS * 4);
    this.template = new Uint32Array(buffer, take(4), CHUNK_ROWS);
    this.cohort = new Uint32Array(buffer, take(4), CHUNK_ROWS);
    this.exitCode = new Int16Array(buffer, take(2), CHUNK_ROWS);
    this.state = new Uint8Array(buffer, take(1), CHUNK_ROWS);
    this.priority = new Uint8Array(buffer, take(1), CHUNK_ROWS);
    this.attempts = new Uint8Array(buffer, take(1), CHUNK_ROWS);
    this.retriesLeft = new Uint8Array(buffer, take(1), CHUNK_ROWS);
    this.reason = new Uint8Array(buffer, take(1), CHUNK_ROWS);
    this.flags = new Uint8Array(buffer, take(1), CHUNK_ROWS);
  }
}

/** What a worker needs to read the table: chunk buffers by chunk index. */
export interface TableSnapshot {
  /** The chunk index of each buffer. */
  readonly indexes: readonly number[];
  readonly buffers: readonly SharedArrayBuffer[];
  /** Of the cohorts' figures. */
  readonly figures: readonly SharedArrayBuffer[];
  /** One past the highest number ever given out. */
  readonly end: number;
}

export class JobTable {
  readonly #chunks: (TableChunk | undefined)[] = [];
  /** What the jobs of each cohort are given. */
  readonly figures: FiguresTable;
  /** One past the highest number given out. */
  #end = FIRST_JOB_NUMBER;

  constructor(figures = new FiguresTable()) {
    this.figures = figures;
  }

  /** A table that reads what another thread's table holds. */
  static fromSnapshot(snapshot: TableSnapshot): JobTable {
    const table = new JobTable(FiguresTable.fromBuffers(snapshot.figures));
    snapshot.buffers.forEach((buffer, i) => {
      const index = snapshot.indexes[i];
      if (index !== undefined) table.#chunks[index] = new TableChunk(buffer);
    });
    table.#end = snapshot.end;
    return table;
  }

  snapshot(): TableSnapshot {
    const indexes: number[] = [];
    const buffers: SharedArrayBuffer[] = [];
    this.#chunks.forEach((chunk, index) => {
      if (chunk === undefined) return;
      indexes.push(index);
      buffers.push(chunk.buffer);
    });
    return { indexes, buffers, figures: this.figures.buffers, end: this.#end };
  }

  get end(): number {
    return this.#end;
  }

  /** Gives out `count` consecutive numbers. */
  allocate(count: number): number {
    const first = this.#end;
    if (first + count > 0xffff_ffff)
      throw new WrError('INTERNAL', 'this deployment has used all of its job numbers');
    this.#end = first + count;
    return first;
  }

  /** Gives back the tail of the last allocation: rows that turned out to be duplicates. */
  giveBack(from: number, to: number): void {
    if (to === this.#end) this.#end = from;
  }

  /** At start: numbers below this were given out in an earlier life. */
  raiseEnd(end: number): void {
    if (end > this.#end) this.#end = end;
  }

  /** The chunk that holds a number, made when it is not there: for writing. */
  chunkFor(number: number): TableChunk {
    const index = number >>> CHUNK_BITS;
    let chunk = this.#chunks[index];
    if (chunk === undefined) {
      chunk = new TableChunk();
      this.#chunks[index] = chunk;
    }
    return chunk;
  }

  /** The chunk that holds a number, if it is in memory. */
  chunkOf(number: number): TableChunk | undefined {
    return this.#chunks[number >>> CHUNK_BITS];
  }

  /** The state code; `none` for a row that is not in memory. */
  state(number: number): number {
    return this.#chunks[number >>> CHUNK_BITS]?.state[number & ROW_MASK] ?? STATE.none;
  }

  /** Counts consecutive rows that come into use: claimed ones already, as their keys stand there. */
  occupy(first: number, count: number): void {
    this.#eachChunk(first, count, (chunk, rows) => {
      chunk.occupied += rows;
    });
  }

  /** Counts rows that are free again, and lets go of chunks that became empty. */
  vacate(first: number, count: number): void {
    this.#eachChunk(first, count, (chunk, rows, index) => {
      chunk.occupied -= rows;
      // The last chunk is still being filled.
      if (chunk.occupied <= 0 && index < this.#end >>> CHUNK_BITS) this.#chunks[index] = undefined;
    });
  }

  #eachChunk(
    first: number,
    count: number,
    visit: (chunk: TableChunk, rows: number, index: number) => void,
  ): void {
    for (let from = first; from < first + count; ) {
      const rows = Math.min(first + count - from, CHUNK_ROWS - rowOf(from));
      const chunk = this.chunkOf(from);
      if (chunk !== undefined) visit(chunk, rows, from >>> CHUNK_BITS);
      from += rows;
    }
  }

  /** 32 lower-case hex digits. */
  keyHex(number: number): string {
    const chunk = this.chunkOf(number);
    return chunk === undefined ? '' : hexOfWords(chunk.key, (number & ROW_MASK) * 4);
  }
}

/** The row of a number within its chunk. */
export function rowOf(number: number): number {
  return number & ROW_MASK;
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The key at a word offset, as hex; words hold the digest's bytes in memory order (little-endian machines). */
export function hexOfWords(words: Uint32Array, at: number): string {
  let hex = '';
  for (let i = 0; i < 4; i += 1) {
    const word = words[at + i] ?? 0;
    hex += `${HEX_OF_BYTE[word & 255]}${HEX_OF_BYTE[(word >>> 8) & 255]}${HEX_OF_BYTE[(word >>> 16) & 255]}${HEX_OF_BYTE[word >>> 24]}`;
  }
  return hex;
}
