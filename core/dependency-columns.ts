/** What is kept of a job that has a part in dependencies: columns beside the job table, for the chunks that have such jobs. */
import { CHUNK_BITS, CHUNK_ROWS, rowOf } from './job-table.ts';

interface Columns {
  /** First link of a job; 0: none. */
  readonly links: Uint32Array;
  /** Open nodes it waits for. */
  readonly unmet: Uint32Array;
  /** The node that stands for it as a single job; 0: nobody waits for it alone. */
  readonly own: Uint32Array;
  /** Jobs that have a link or a node. */
  used: number;
}

export class DependencyColumns {
  readonly #chunks: (Columns | undefined)[] = [];

  links(job: number): number {
    return this.#chunks[job >>> CHUNK_BITS]?.links[rowOf(job)] ?? 0;
  }

  unmet(job: number): number {
    return this.#chunks[job >>> CHUNK_BITS]?.unmet[rowOf(job)] ?? 0;
  }

  own(job: number): number {
    return this.#chunks[job >>> CHUNK_BITS]?.own[rowOf(job)] ?? 0;
  }

  setLinks(job: number, link: number): void {
    const columns = this.#columns(job);
    const row = rowOf(job);
    const was = isUsed(columns, row);
    columns.links[row] = link;
    this.#recount(columns, row, was, job);
  }

  /** Puts a link before the others of a job. @returns the one that was its first, or 0 */
  pushLink(job: number, link: number): number {
    const columns = this.#columns(job);
    const row = rowOf(job);
    const first = columns.links[row] as number;
    columns.links[row] = link;
    if (first === 0 && columns.own[row] === 0) columns.used += 1;
    return first;
  }

  setOwn(job: number, node: number): void {
    const columns = this.#columns(job);
    const row = rowOf(job);
    const was = isUsed(columns, row);
    columns.own[row] = node;
    this.#recount(columns, row, was, job);
  }

  /** @returns how many there are then */
  addUnmet(job: number, nodes: number): number {
    const columns = this.#columns(job);
    const row = rowOf(job);
    columns.unmet[row] = (columns.unmet[row] as number) + nodes;
    return columns.unmet[row] as number;
  }

  clear(job: number): void {
    const columns = this.#chunks[job >>> CHUNK_BITS];
    if (columns === undefined) return;
    const row = rowOf(job);
    const was = isUsed(columns, row);
    columns.links[row] = 0;
    columns.unmet[row] = 0;
    columns.own[row] = 0;
    this.#recount(columns, row, was, job);
  }

  #columns(job: number): Columns {
    const index = job >>> CHUNK_BITS;
    let columns = this.#chunks[index];
    if (columns === undefined) {
      const column = (): Uint32Array => new Uint32Array(CHUNK_ROWS);
      columns = { links: column(), unmet: column(), own: column(), used: 0 };
      this.#chunks[index] = columns;
    }
    return columns;
  }

  #recount(columns: Columns, row: number, was: boolean, job: number): void {
    if (isUsed(columns, row) === was) return;
    columns.used += was ? -1 : 1;
    if (columns.used === 0) this.#chunks[job >>> CHUNK_BITS] = undefined;
  }
}

function isUsed({ links, own }: Columns, row: number): boolean {
  return links[row] !== 0 || own[row] !== 0;
}
