/**
 * Removing several jobs of which some wait for others: what others wait for goes when the last of these has gone in the same
 * call, in whatever order they are named (cli.md §6).
 */
import { DEPENDENCY_FLAGS } from '../core/job-flags.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';

export class Removal {
  readonly #queue: JobQueue;
  /** Jobs to be removed once nobody waits for a node any more. */
  readonly #held = new Map<number, number[]>();

  constructor(queue: JobQueue) {
    this.#queue = queue;
  }

  /** Jobs named that others, which stay, wait for. */
  get held(): number {
    let held = 0;
    for (const numbers of this.#held.values()) held += numbers.length;
    return held;
  }

  /** @returns how many jobs have gone: this one and those it was the last to wait for, or none */
  remove(number: number): number {
    const { dependencies, table } = this.#queue;
    const flags = table.chunkOf(number)?.flags[rowOf(number)] ?? 0;
    if ((flags & DEPENDENCY_FLAGS) === 0) return this.#queue.remove(number) ? 1 : 0;
    const left = [number];
    let removed = 0;
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const waits = [...dependencies.waitsOf(next)];
      if (!this.#queue.remove(next)) {
        this.#hold(next);
        continue;
      }
      removed += 1;
      for (const node of waits) {
        if (dependencies.nodes.waiters.get(node) > 0) continue;
        left.push(...(this.#held.get(node) ?? []));
        this.#held.delete(node);
      }
    }
    return removed;
  }

  #hold(number: number): void {
    const { dependencies } = this.#queue;
    for (const node of dependencies.nodesOf(number)) {
      if (dependencies.nodes.waiters.get(node) === 0) continue;
      const held = this.#held.get(node);
      if (held === undefined) this.#held.set(node, [number]);
      else held.push(number);
      return;
    }
  }
}
