/** Asks: what do a claim and a look-up in the key index cost when a million keys are in it? */
import { Bench } from 'tinybench';
import { JobTable, rowOf } from '../../core/job-table.ts';
import { KeyIndex } from '../../core/key-index.ts';

const KEYS = 1_000_000;
const BATCH = 1_000;

/** Words that spread like a hash's, the same in every run. */
function word(seed: number): number {
  let x = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  return (x ^ (x >>> 16)) >>> 0;
}

class Filled {
  readonly table = new JobTable();
  readonly index = new KeyIndex(this.table);
  count = 0;

  /** Claims the next `BATCH` keys. */
  claimBatch(): void {
    const first = this.table.allocate(BATCH);
    for (let number = first; number < first + BATCH; number += 1) {
      const words = [
        word(number * 4),
        word(number * 4 + 1),
        word(number * 4 + 2),
        word(number * 4 + 3),
      ] as const;
      this.table.chunkFor(number).key.set(words, rowOf(number) * 4);
      this.index.claim(number, ...words);
    }
    this.count += BATCH;
  }

  findBatch(from: number): number {
    let found = 0;
    for (let number = from; number < from + BATCH; number += 1) {
      const key = [
        word(number * 4),
        word(number * 4 + 1),
        word(number * 4 + 2),
        word(number * 4 + 3),
      ] as const;
      if (this.index.find(...key) !== 0) found += 1;
    }
    return found;
  }
}

export function keyIndexBench(timeMs: number): Bench {
  const filled = new Filled();
  while (filled.count < KEYS) filled.claimBatch();
  let at = 0;
  return new Bench({
    name: `key index, ${BATCH} keys at a time, ${KEYS} in it`,
    time: timeMs,
    warmupTime: timeMs,
  })
    .add('find, present', () => {
      at = (at + 7 * BATCH) % (KEYS - BATCH);
      filled.findBatch(at + 1);
    })
    .add('find, absent', () => {
      at = (at + 7 * BATCH) % KEYS;
      filled.findBatch(0x7000_0000 + at);
    })
    .add('claim, with growth', () => filled.claimBatch());
}
