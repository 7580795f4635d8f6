/**
 * Whether jobs belong to the report groups that a question is about, by the name their template has or, for those that were
 * run again under another, by the set of groups they are counted in.
 */
import { STATE } from '../core/states.ts';
import type { JobReader, ReadJob } from './job-reader.ts';

/** Report groups asked for; `sets`: those that hold any of them, with the names of these. */
export interface WantedGroups {
  readonly repGroups: readonly { readonly id: number; readonly name: string }[] | null;
  readonly sets?: readonly WantedSet[];
}

export interface WantedSet {
  readonly id: number;
  readonly names: readonly string[];
}

export class GroupMatcher {
  readonly #reader: JobReader;
  /** `null`: every group is wanted. */
  readonly #names: ReadonlySet<string> | null;
  readonly #sets: ReadonlyMap<number, readonly string[]>;
  /** Each template is looked at once. */
  readonly #templates = new Map<number, boolean>();

  constructor({ repGroups, sets }: WantedGroups, reader: JobReader) {
    this.#reader = reader;
    this.#names = repGroups === null ? null : new Set(repGroups.map(({ name }) => name));
    this.#sets = new Map((sets ?? []).map(({ id, names }) => [id, names]));
  }

  matches(number: number, template: number): boolean {
    if (this.#names === null || this.matchesTemplate(template)) return true;
    return this.#sets.size > 0 && this.#sets.has(this.#reader.setOf(number));
  }

  /** Whether all jobs of a template match; the others may by themselves. */
  matchesTemplate(template: number): boolean {
    let verdict = this.#templates.get(template);
    if (verdict === undefined) {
      const options = this.#reader.template(template);
      verdict = options !== undefined && this.#isNamed(options.repGroup);
      this.#templates.set(template, verdict);
    }
    return verdict;
  }

  /** Some jobs match of templates that do not. */
  get hasSets(): boolean {
    return this.#sets.size > 0;
  }

  /** The groups wanted that a job is found under. @param repGroup - its template's */
  namesOf(number: number, repGroup: string): readonly string[] {
    const own = this.#isNamed(repGroup) ? [repGroup] : [];
    if (this.#sets.size === 0) return own;
    const others = this.#sets.get(this.#reader.setOf(number)) ?? [];
    return [...new Set([...own, ...others])];
  }

  /** A complete job is shown under the group that was asked for (jobs.md §4). */
  shown(job: ReadJob): ReadJob {
    if (this.#sets.size === 0 || job.state !== STATE.complete || this.#isNamed(job.options.repGroup))
      return job;
    const [repGroup] = this.#sets.get(this.#reader.setOf(job.number)) ?? [];
    return repGroup === undefined ? job : { ...job, options: { ...job.options, repGroup } };
  }

  #isNamed(repGroup: string): boolean {
    return this.#names === null || this.#names.has(repGroup);
  }
}
