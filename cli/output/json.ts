/** `status -o json`: one array on one line, of the members of jobs.md §23 in their order. */
import type { StatusJob } from '../../core/status-job.ts';

/** The text of one element. */
export function jobJson(job: StatusJob): string {
  const { wr: _ours, ...shown } = job;
  return JSON.stringify(shown);
}

/** The elements of an array that comes in parts, with what stands between, before and after them. */
export class JsonArrayText {
  #first = true;

  part(jobs: readonly StatusJob[]): string {
    let text = '';
    for (const job of jobs) {
      text += `${this.#first ? '[' : ','}${jobJson(job)}`;
      this.#first = false;
    }
    return text;
  }

  /** Every format but plain ends with one empty line more. */
  end(): string {
    return this.#first ? '[]\n\n' : ']\n\n';
  }
}
