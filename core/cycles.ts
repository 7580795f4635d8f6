/**
 * Looks for jobs that would wait for each other for ever, before they are added.
 *
 * From each new job that both waits and is waited for, it walks to what waits for it, and on from there, depth first: jobs
 * and nodes in turn, each once, so that a group of 3,000 members and 30,000 waiters costs their sum. What is met while
 * it is still on the way there closes a cycle.
 */
import type { Dependencies } from './dependencies.ts';
import { PagedColumn } from './paged-column.ts';

const UNSEEN = 0;
const ON_PATH = 1;
const DONE = 2;

export class CycleSearch {
  readonly #dependencies: Dependencies;
  readonly #starts: Iterator<number>;
  readonly #jobs = new PagedColumn();
  readonly #nodes = new PagedColumn();
  /** Job, node, job, node…; and how far the next ones of each have been looked at. */
  readonly #path = new PagedColumn();
  readonly #cursor = new PagedColumn();
  #depth = 0;

  /** @param starts - new jobs that wait for something and are waited for, or may be */
  constructor(dependencies: Dependencies, starts: Iterable<number>) {
    this.#dependencies = dependencies;
    this.#starts = starts[Symbol.iterator]();
  }

  /**
   * Takes up to `max` steps.
   * @returns the jobs of a cycle, each waiting for the one before it, and the first for the last; `none`; or that it goes on
   */
  step(max: number): readonly number[] | 'none' | 'searching' {
    for (let steps = 0; steps < max; steps += 1) {
      if (this.#depth === 0) {
        const start = this.#starts.next();
        if (start.done === true) return 'none';
        if (this.#jobs.get(start.value) === UNSEEN) this.#push(start.value, this.#jobs);
        continue;
      }
      const cycle = this.#depth % 2 === 1 ? this.#fromJob() : this.#fromNode();
      if (cycle !== null) return cycle;
    }
    return 'searching';
  }

  /** On to the next node that the job on top counts for: its own, then those of its groups. */
  #fromJob(): number[] | null {
    const top = this.#depth - 1;
    const job = this.#path.get(top);
    const cursor = this.#cursor.get(top);
    if (cursor === 0) {
      const own = this.#dependencies.ownNode(job);
      this.#cursor.set(top, 1);
      return own === 0 ? null : this.#enter(own, this.#nodes);
    }
    // A cursor is a link's number and one.
    const link = this.#dependencies.memberLink(job, cursor - 1);
    if (link === 0) return this.#pop(job, this.#jobs);
    this.#cursor.set(top, link + 1);
    return this.#enter(this.#dependencies.nodeOf(link), this.#nodes);
  }

  /** On to the next job that waits for the node on top. */
  #fromNode(): number[] | null {
    const top = this.#depth - 1;
    const node = this.#path.get(top);
    const link = this.#dependencies.waitLink(node, this.#cursor.get(top));
    if (link === 0) return this.#pop(node, this.#nodes);
    this.#cursor.set(top, link);
    return this.#enter(this.#dependencies.jobOf(link), this.#jobs);
  }

  #enter(vertex: number, colours: PagedColumn): number[] | null {
    const colour = colours.get(vertex);
    if (colour === ON_PATH) return this.#cycle(vertex, colours === this.#jobs ? 0 : 1);
    if (colour === UNSEEN) this.#push(vertex, colours);
    return null;
  }

  #push(vertex: number, colours: PagedColumn): void {
    colours.set(vertex, ON_PATH);
    this.#path.set(this.#depth, vertex);
    this.#cursor.set(this.#depth, 0);
    this.#depth += 1;
  }

  #pop(vertex: number, colours: PagedColumn): null {
    colours.set(vertex, DONE);
    this.#depth -= 1;
    return null;
  }

  /** The jobs of the path from where it met itself. @param parity - 0 for a job, 1 for a node */
  #cycle(vertex: number, parity: number): number[] {
    let from = this.#depth - 1;
    while (from % 2 !== parity || this.#path.get(from) !== vertex) from -= 1;
    const jobs: number[] = [];
    for (let at = from + parity; at < this.#depth; at += 2) jobs.push(this.#path.get(at));
    return jobs;
  }
}
