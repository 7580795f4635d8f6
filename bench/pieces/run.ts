/** The parts of the program one by one, timed by tinybench. */
import type { Bench } from 'tinybench';
import { codecBench } from './codec.ts';
import { ingestBench } from './ingest.ts';
import { keyIndexBench } from './key-index.ts';
import { readyQueueBench } from './ready-queue.ts';

const TIME_MS = 300;

/** Each makes its bench, given how long every task of it is to be repeated. */
export const PIECES: readonly ((timeMs: number) => Bench)[] = [
  codecBench,
  ingestBench,
  keyIndexBench,
  readyQueueBench,
];

/** Runs each and prints its table. */
export async function runPieces(): Promise<void> {
  for (const make of PIECES) {
    const bench = make(TIME_MS);
    await bench.run();
    console.log(`\n${bench.name ?? ''}`);
    console.table(bench.table());
  }
}
