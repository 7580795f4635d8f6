/** `status -o json`: one array on one line, of the members of jobs.md §23 in their order. */
import type { StatusJob } from '../../core/status-job.ts';
import { statusJobJson } from '../../core/status-json.ts';

/** The elements of an array that comes in parts, with what stands between, before and after them. */
export class JsonArrayText {
  #first = true;

  part(jobs: readonly StatusJob[]): string {
    let text = '';
    for (const job of jobs) {
      text += `${this.#first ? '[' : ','}${statusJobJson(job)}`;
      this.#first = false;
    }
    return text;
  }

  /** What stands before further elements that are text already. */
  before(): string {
    const text = this.#first ? '[' : ',';
    this.#first = false;
    return text;
  }

  /** Every format but plain ends with one empty line more. */
  end(): string {
    return this.#first ? '[]\n\n' : ']\n\n';
  }
}
