/** Under which report groups commands completed that are now being added again (since-0.36.md §1.3, "result"). */
import { readSetNames } from '../store/tallies.ts';
import type { JobReader } from './job-reader.ts';

export interface CompletedQuestion {
  /** Of the complete jobs. */
  readonly numbers: Uint32Array;
  /** Report groups that the input names. */
  readonly given: readonly string[];
  /** By number: which of `given` its line names; `null`: all the first. */
  readonly givenIndex: Uint32Array | null;
}

export interface CompletedGroups {
  /** Under the report group that its own line names, among others or alone. */
  readonly here: number;
  /** Under others only: how many by the name of the last. */
  readonly elsewhere: readonly (readonly [repGroup: string, count: number])[];
}

export function completedGroups(question: CompletedQuestion, reader: JobReader): CompletedGroups {
  const { numbers, given, givenIndex } = question;
  let here = 0;
  const elsewhere = new Map<string, number>();
  const names = new Map<number, readonly string[]>();
  const namesOf = (set: number): readonly string[] => {
    if (set === 0) return [];
    const known = names.get(set) ?? readSetNames(reader.store, set);
    names.set(set, known);
    return known;
  };
  numbers.forEach((number, i) => {
    const template = reader.storedTemplateId(number);
    const repGroup = template === undefined ? undefined : reader.template(template)?.repGroup;
    const own = given[givenIndex?.[i] ?? 0] ?? '';
    if (repGroup === undefined || repGroup === own || namesOf(reader.setOf(number)).includes(own)) here += 1;
    else elsewhere.set(repGroup, (elsewhere.get(repGroup) ?? 0) + 1);
  });
  return { here, elsewhere: [...elsewhere] };
}
