/** Keys of changed commands, old and new, as the client is told: eight words a command. */
import { KEY_BYTES, KEY_WORDS } from '../core/identity.ts';
import { type JobTable, rowOf } from '../core/job-table.ts';

export class KeyPairs {
  readonly #table: JobTable;
  readonly #words: Uint32Array;
  count = 0;

  /** @param capacity - commands there is room for */
  constructor(table: JobTable, capacity: number) {
    this.#table = table;
    this.#words = new Uint32Array(2 * KEY_WORDS * capacity);
  }

  /** Adds consecutive jobs of one chunk that keep their keys. */
  addSame(first: number, count: number): void {
    const { key } = this.#table.chunkFor(first);
    const words = this.#words;
    let from = rowOf(first) * KEY_WORDS;
    let to = this.count * 2 * KEY_WORDS;
    for (const end = from + count * KEY_WORDS; from < end; to += KEY_WORDS)
      for (let word = 0; word < KEY_WORDS; word += 1, from += 1, to += 1) {
        words[to] = key[from] as number;
        words[to + KEY_WORDS] = key[from] as number;
      }
    this.count += count;
  }

  /**
   * Adds a job that is about to have another key.
   * @param keys - four words of it stand at `at`
   */
  add(number: number, keys: Uint32Array, at: number): void {
    const { key } = this.#table.chunkFor(number);
    const from = rowOf(number) * KEY_WORDS;
    const to = this.count * 2 * KEY_WORDS;
    for (let word = 0; word < KEY_WORDS; word += 1) {
      this.#words[to + word] = key[from + word] as number;
      this.#words[to + KEY_WORDS + word] = keys[at + word] as number;
    }
    this.count += 1;
  }

  /** Takes the last one back. */
  dropLast(): void {
    this.count -= 1;
  }

  /** 32 bytes a command. */
  bytes(from: number, to: number): Uint8Array {
    return new Uint8Array(this.#words.buffer, 2 * KEY_BYTES * from, 2 * KEY_BYTES * (to - from));
  }
}
