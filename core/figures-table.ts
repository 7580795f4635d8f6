/**
 * The figures of cohorts where the worker threads can read them: what the jobs of a cohort are given now, and where each
 * figure comes from. One row a cohort, in chunks of shared memory; only the main thread writes.
 */
import { type Chosen, type Figures, SOURCES, type Source } from './figures.ts';

const CHUNK_BITS = 10;
const CHUNK_ROWS = 1 << CHUNK_BITS;
/** Memory, time, disk, and the three sources as digits of one number. */
const COLUMNS = 4;
const DIGITS = SOURCES.length;

export class FiguresTable {
  readonly #chunks: Float64Array[] = [];

  static fromBuffers(buffers: readonly SharedArrayBuffer[]): FiguresTable {
    const table = new FiguresTable();
    for (const buffer of buffers) table.#chunks.push(new Float64Array(buffer));
    return table;
  }

  get buffers(): readonly SharedArrayBuffer[] {
    return this.#chunks.map((chunk) => chunk.buffer as SharedArrayBuffer);
  }

  write(row: number, { figures, from }: Chosen): void {
    const chunk = this.#chunkFor(row);
    const at = (row & (CHUNK_ROWS - 1)) * COLUMNS;
    chunk[at] = figures.memoryMb;
    chunk[at + 1] = figures.timeMs;
    chunk[at + 2] = figures.diskGb;
    chunk[at + 3] = digit(from.memory) + DIGITS * (digit(from.time) + DIGITS * digit(from.disk));
  }

  /** `undefined`: no such row. */
  read(row: number): Chosen | undefined {
    const chunk = this.#chunks[row >>> CHUNK_BITS];
    if (chunk === undefined) return undefined;
    const at = (row & (CHUNK_ROWS - 1)) * COLUMNS;
    const [memoryMb = 0, timeMs = 0, diskGb = 0, digits = 0] = chunk.subarray(at, at + COLUMNS);
    const figures: Figures = { memoryMb, timeMs, diskGb };
    const memory = source(digits);
    const time = source(Math.floor(digits / DIGITS));
    const disk = source(Math.floor(digits / DIGITS ** 2));
    return { figures, from: { memory, time, disk } };
  }

  #chunkFor(row: number): Float64Array {
    const index = row >>> CHUNK_BITS;
    while (this.#chunks.length <= index)
      this.#chunks.push(new Float64Array(new SharedArrayBuffer(CHUNK_ROWS * COLUMNS * 8)));
    return this.#chunks[index] as Float64Array;
  }
}

function digit(from: Source): number {
  return SOURCES.indexOf(from);
}

function source(digits: number): Source {
  return SOURCES[digits % DIGITS] as Source;
}
