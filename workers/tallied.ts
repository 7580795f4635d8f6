/** Where complete jobs are counted: under which report group, or in which set of several. */
import type { JobReader } from './job-reader.ts';

export interface Tallied {
  /** Report groups of their templates, each once. */
  readonly names: readonly string[];
  /** By job: which of `names`. */
  readonly nameIndex: Uint32Array;
  /** By job: the id of its set, or 0. */
  readonly sets: Uint32Array;
}

export function talliedIn(numbers: Uint32Array, reader: JobReader): Tallied {
  const names: string[] = [];
  const known = new Map<string, number>();
  const nameIndex = Uint32Array.from(numbers, (number) => {
    const template = reader.storedTemplateId(number);
    const name = (template === undefined ? undefined : reader.template(template)?.repGroup) ?? '';
    const index = known.get(name) ?? names.push(name) - 1;
    known.set(name, index);
    return index;
  });
  return { names, nameIndex, sets: numbers.map((number) => reader.setOf(number)) };
}
