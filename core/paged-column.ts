/**
 * A column of 32-bit words that grows by whole pages: growing one large array would copy it, and hold the event loop for
 * as long as that takes.
 */
const PAGE_BITS = 14;
const PAGE_WORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_WORDS - 1;

export class PagedColumn {
  readonly #pages: Uint32Array[] = [];

  /** 0 where nothing was set. */
  get(at: number): number {
    const page = this.#pages[at >>> PAGE_BITS];
    return page === undefined ? 0 : (page[at & PAGE_MASK] as number);
  }

  set(at: number, value: number): void {
    const index = at >>> PAGE_BITS;
    while (this.#pages.length <= index) this.#pages.push(new Uint32Array(PAGE_WORDS));
    (this.#pages[index] as Uint32Array)[at & PAGE_MASK] = value;
  }
}
