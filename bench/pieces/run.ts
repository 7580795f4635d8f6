/** The parts of the program one by one, timed by tinybench. */
import type { Bench } from 'tinybench';
import { codecBench } from './codec.ts';

const BENCHES: readonly (() => Bench)[] = [codecBench];

/** Runs each and prints its table. @param options - `iterations`: so many only, to see that it works at all */
export async function runPieces(): Promise<void> {
  for (const make of BENCHES) {
    const bench = make();
    await bench.run();
    console.log(`\n${bench.name ?? ''}`);
    console.table(bench.table());
  }
}
