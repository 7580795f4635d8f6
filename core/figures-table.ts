/**
 * The figures of cohorts where the worker threads can read them: what the jobs of a cohort are given now, where each figure
 * comes from and how many runs it was learned from. One row a cohort, in chunks of shared memory; only the main thread
 * writes.
 */
import { type Chosen, type Figures, SOURCES, type Source } from './figures.ts';
import { type ByStatistic, STATISTICS } from './learning.ts';

const CHUNK_BITS = 10;
const CHUNK_ROWS = 1 << CHUNK_BITS;
/** Three figures and, a statistic, runs × 4 and the source. */
const COLUMNS = 3 + STATISTICS.length;

export interface ShownFigures extends Chosen {
  /** Runs whose usage was recorded. */
  readonly runs: ByStatistic<number>;
}

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

  write(row: number, { figures, from }: Chosen, runs: ByStatistic<number>): void {
    const chunk = this.#chunkFor(row);
    const at = (row & (CHUNK_ROWS - 1)) * COLUMNS;
    chunk[at] = figures.memoryMb;
    chunk[at + 1] = figures.timeMs;
    chunk[at + 2] = figures.diskGb;
    STATISTICS.forEach((statistic, i) => {
      chunk[at + 3 + i] = runs[statistic] * SOURCES.length + SOURCES.indexOf(from[statistic]);
    });
  }

  /** `undefined`: no such row. */
  read(row: number): ShownFigures | undefined {
    const chunk = this.#chunks[row >>> CHUNK_BITS];
    if (chunk === undefined) return undefined;
    const at = (row & (CHUNK_ROWS - 1)) * COLUMNS;
    const [memoryMb = 0, timeMs = 0, diskGb = 0, ...words] = chunk.subarray(at, at + COLUMNS);
    const figures: Figures = { memoryMb, timeMs, diskGb };
    return {
      figures,
      from: byStatistic((i) => SOURCES[(words[i] as number) % SOURCES.length] as Source),
      runs: byStatistic((i) => Math.floor((words[i] as number) / SOURCES.length)),
    };
  }

  #chunkFor(row: number): Float64Array {
    const index = row >>> CHUNK_BITS;
    while (this.#chunks.length <= index)
      this.#chunks.push(new Float64Array(new SharedArrayBuffer(CHUNK_ROWS * COLUMNS * 8)));
    return this.#chunks[index] as Float64Array;
  }
}

function byStatistic<Value>(value: (index: number) => Value): ByStatistic<Value> {
  return { memory: value(0), disk: value(1), time: value(2) };
}
