/** A list of 32-bit words that grows by doubling. */
export class GrowingWords {
  words: Uint32Array;
  /** Words in use; those behind them are 0. */
  length = 0;

  constructor(capacity = 64) {
    this.words = new Uint32Array(capacity);
  }

  push(word: number): void {
    this.#expect(1);
    this.words[this.length] = word;
    this.length += 1;
  }

  /** Makes room for more words, which are 0. @returns where they begin */
  extend(more: number): number {
    this.#expect(more);
    const from = this.length;
    this.length += more;
    return from;
  }

  /** Those in use, in a buffer of their own. */
  take(): Uint32Array<ArrayBuffer> {
    return this.words.slice(0, this.length) as Uint32Array<ArrayBuffer>;
  }

  #expect(more: number): void {
    if (this.length + more <= this.words.length) return;
    const words = new Uint32Array(2 * (this.length + more));
    words.set(this.words.subarray(0, this.length));
    this.words = words;
  }
}
