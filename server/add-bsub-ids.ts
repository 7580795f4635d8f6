/** The LSF job ids that one add gives out: on disk with its jobs, taken back when it fails. */
import type { BsubRun } from '../core/bsub-ids.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { isLive } from '../core/states.ts';
import type { Template } from '../core/templates.ts';
import type { Write } from '../store/key-value.ts';
import { bsubRunWrite, counterWrite, dropBsubRunWrite } from '../store/layout.ts';

export class AddBsubIds {
  readonly #queue: JobQueue;
  readonly #given: BsubRun[] = [];
  /** That the last ones were of. */
  #array: object | null = null;

  constructor(queue: JobQueue) {
    this.#queue = queue;
  }

  /** Id of the first job with a bsub mode; 0: there is none. */
  get first(): number {
    return this.#given[0]?.id ?? 0;
  }

  /**
   * Gives ids to new jobs, if theirs is a template with a bsub mode.
   * @param array - what they are commands of: the same object for all of one array; `null`: of none
   */
  give(template: Template, first: number, count: number, array: object | null): void {
    if (template.options.bsubMode === '') return;
    const { bsub } = this.#queue;
    const known = array !== null && array === this.#array ? this.#given.at(-1)?.id : undefined;
    this.#array = array;
    this.#given.push(array === null ? bsub.assign(first, count) : bsub.assignArray(first, count, known));
  }

  writes(): Write[] {
    if (this.#given.length === 0) return [];
    const { bsub, table } = this.#queue;
    const gone = bsub.prune((number) => isLive(table.state(number)));
    return [
      ...this.#given.map(bsubRunWrite),
      ...gone.map(({ first }) => dropBsubRunWrite(first)),
      counterWrite('nextBsubId', bsub.next),
    ];
  }

  confirm(): void {
    for (const run of this.#given) this.#queue.bsub.confirm(run);
  }

  takeBack(): void {
    for (const run of this.#given.splice(0)) this.#queue.bsub.takeBack(run);
    this.#array = null;
  }
}
