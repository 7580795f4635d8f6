/** From what a user named (cli.md §1.7) to what the queue or a worker can work with. */
import type { BsubIds } from '../core/bsub-ids.ts';
import { asWords } from '../core/claims.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Selector } from '../core/selector.ts';
import { STATE } from '../core/states.ts';
import type { ListingScope } from '../workers/listing.ts';
import type { Tasks } from './tasks.ts';

export class Selection {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;

  constructor(queue: JobQueue, tasks: Tasks) {
    this.#queue = queue;
    this.#tasks = tasks;
  }

  /** What a worker is to look through. Keys that are not in the queue are looked up among complete jobs, if these are wanted. */
  async scope(select: Selector, mask: number): Promise<ListingScope> {
    switch (select.by) {
      case 'all':
        return { repGroups: null, numbers: null, mask, ...this.#sets(this.groups(select)) };
      case 'repGroup': {
        const { repGroups } = this.#queue;
        const ids = this.#groups(select);
        return {
          repGroups: ids.map((id) => ({ id, name: repGroups.name(id) })),
          numbers: null,
          mask,
          ...this.#sets(ids),
        };
      }
      case 'keys':
        return { repGroups: null, numbers: await this.#numbers(select.keys, mask), mask };
      case 'bsub':
        return { repGroups: null, numbers: bsubNumbers(this.#queue.bsub, select.ids), mask };
      default:
        return select satisfies never;
    }
  }

  /** Ids of the report groups meant; all of them for a selector that names none. */
  groups(select: Selector): number[] {
    if (select.by === 'repGroup') return this.#groups(select);
    return this.#queue.repGroups.all();
  }

  /** Numbers of the jobs in the states of `mask`. */
  async numbers(select: Selector, mask: number): Promise<Uint32Array> {
    return this.#tasks.select(await this.scope(select, mask), this.#queue.table.snapshot());
  }

  /** The same of jobs whose own report group it is, and not one that they were added under before. */
  async ownNumbers(repGroup: number, mask: number): Promise<Uint32Array> {
    const repGroups = [{ id: repGroup, name: this.#queue.repGroups.name(repGroup) }];
    return this.#tasks.select({ repGroups, numbers: null, mask }, this.#queue.table.snapshot());
  }

  #sets(groups: readonly number[]): Pick<ListingScope, 'sets'> {
    const { repGroups } = this.#queue;
    const sets = repGroups.setsOf(groups);
    if (sets.length === 0) return {};
    const wanted = new Set(groups);
    const namesOf = (set: number): string[] =>
      repGroups.groupsOf(set).flatMap((id) => (wanted.has(id) ? [repGroups.name(id)] : []));
    return { sets: sets.map((id) => ({ id, names: namesOf(id) })) };
  }

  #groups(select: Extract<Selector, { by: 'repGroup' }>): number[] {
    if (select.search) return this.#queue.repGroups.search(select.repGroup);
    const id = this.#queue.repGroups.find(select.repGroup);
    return id === undefined ? [] : [id];
  }

  async #numbers(keys: Uint8Array, mask: number): Promise<Uint32Array> {
    const words = asWords(keys);
    const numbers = new Uint32Array(words.length >>> 2);
    const missing: number[] = [];
    for (let i = 0; i < numbers.length; i += 1) {
      const [k0, k1, k2, k3] = words.subarray(4 * i, 4 * i + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      numbers[i] = this.#queue.keys.find(k0, k1, k2, k3);
      if (numbers[i] === 0) missing.push(i);
    }
    if (missing.length > 0 && (mask & (1 << STATE.complete)) !== 0) {
      const lost = new Uint8Array(missing.length * 16);
      missing.forEach((i, at) => {
        lost.set(keys.subarray(i * 16, i * 16 + 16), at * 16);
      });
      const found = await this.#tasks.findKeys(lost);
      missing.forEach((i, at) => {
        numbers[i] = found[at] ?? 0;
      });
    }
    return numbers.filter((number) => number !== 0);
  }
}

/** Numbers of the LSF jobs asked for, or of all of them. */
function bsubNumbers(bsub: BsubIds, ids: readonly number[]): Uint32Array {
  if (ids.length > 0) return Uint32Array.from(ids.flatMap((id) => bsub.numbersOf(id)));
  const numbers = new Uint32Array(bsub.runs.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { first, count } of bsub.runs)
    for (let number = first; number < first + count; number += 1) numbers[at++] = number;
  return numbers;
}
