/**
 * A column of 32-bit words that grows by whole pages: growing one large array would copy it, and hold the event loop for
 * as long as that takes.
 */
const PAGE_BITS = 14;
const PAGE_WORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_WORDS - 1;

export class PagedColumn {
  readonly #pages: (Uint32Array | undefined)[] = [];

  /** 0 where nothing was set. */
  get(at: number): number {
    const page = this.#pages[at >>> PAGE_BITS];
    return page === undefined ? 0 : (page[at & PAGE_MASK] as number);
  }

  set(at: number, value: number): void {
    const page = this.#pages[at >>> PAGE_BITS];
    if (page !== undefined) page[at & PAGE_MASK] = value;
    else if (value !== 0) this.#page(at)[at & PAGE_MASK] = value;
  }

  /** Sets four words from a multiple of four on. */
  setFour(at: number, words: Uint32Array, from: number): void {
    const page = this.#page(at);
    const to = at & PAGE_MASK;
    for (let i = 0; i < 4; i += 1) page[to + i] = words[from + i] as number;
  }

  /** The page with a word, made if there is none: a page of zeros takes no memory. */
  #page(at: number): Uint32Array {
    const index = at >>> PAGE_BITS;
    while (this.#pages.length <= index) this.#pages.push(undefined);
    const page = this.#pages[index] ?? new Uint32Array(PAGE_WORDS);
    this.#pages[index] = page;
    return page;
  }
}
