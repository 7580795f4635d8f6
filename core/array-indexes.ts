/**
 * Which indexes an array of commands has: `1-1000`, `1-100:2`, `1,5,9-12`, in the order given.
 *
 * They are kept as ranges, three numbers each (first index, step, how many), so that an array of ten million costs as
 * much as one of ten.
 */
import { badOption } from './bad-option.ts';

/** The most commands of one array. */
export const ARRAY_JOBS_MAX = 10_000_000;
export const ARRAY_INDEX_MAX = 2 ** 31 - 1;

const RANGE_WORDS = 3;
const ELEMENT = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/;
const FORMS = 'it takes indexes and ranges such as 1-1000, 1-100:2 or 1,5,9-12';

/** First index, step and count, one range after the other. */
export type IndexRanges = Uint32Array;

/**
 * @param name - how messages call it
 * @throws {WrError} BAD_OPTION naming the value and the accepted form
 */
export function parseArray(text: string, name: string): IndexRanges {
  if (text.trim() === '') throw badOption(name, text, `an array needs at least one index: ${FORMS}`);
  const ranges = new Ranges();
  let total = 0;
  for (const element of text.split(',')) {
    const { first, step, count } = parseElement(element.trim(), text, name);
    total += count;
    if (total > ARRAY_JOBS_MAX)
      throw badOption(name, text, `an array has at most ${ARRAY_JOBS_MAX} commands; make several of it`);
    ranges.add(first, step, count);
  }
  return ranges.words();
}

function parseElement(
  element: string,
  text: string,
  name: string,
): { readonly first: number; readonly step: number; readonly count: number } {
  const match = ELEMENT.exec(element);
  if (match === null) {
    const many = /%\d+$/.test(element) ? '; to run only so many at once use a limit group (limit_grps)' : '';
    throw badOption(name, text, `${FORMS}${many}`);
  }
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  const step = match[3] === undefined ? 1 : Number(match[3]);
  if (Math.max(first, last, step) > ARRAY_INDEX_MAX)
    throw badOption(name, text, `an index is at most ${ARRAY_INDEX_MAX}`);
  if (last < first) throw badOption(name, text, `${element} ends below where it begins, and so has no index`);
  if (step === 0) throw badOption(name, text, `the step of ${element} must be at least 1`);
  return { first, step, count: Math.floor((last - first) / step) + 1 };
}

/** How many indexes there are. */
export function countIndexes(ranges: IndexRanges): number {
  let count = 0;
  for (let at = 2; at < ranges.length; at += RANGE_WORDS) count += ranges[at] as number;
  return count;
}

export function holdsIndex(ranges: IndexRanges, index: number): boolean {
  for (let at = 0; at < ranges.length; at += RANGE_WORDS) {
    const [first = 0, step = 1, count = 0] = ranges.subarray(at, at + RANGE_WORDS);
    const place = (index - first) / step;
    if (Number.isInteger(place) && place >= 0 && place < count) return true;
  }
  return false;
}

/** The ranges in parts of at most `max` indexes each. */
export function* splitRanges(ranges: IndexRanges, max: number): Iterable<IndexRanges> {
  let part = new Ranges();
  for (let at = 0; at < ranges.length; at += RANGE_WORDS) {
    let [first = 0, step = 1, count = 0] = ranges.subarray(at, at + RANGE_WORDS);
    while (count > 0) {
      const taken = Math.min(count, max - part.count);
      part.add(first, step, taken);
      first += taken * step;
      count -= taken;
      if (part.count < max) continue;
      yield part.words();
      part = new Ranges();
    }
  }
  if (part.count > 0) yield part.words();
}

/** Every index, in order. */
export function* eachIndex(ranges: IndexRanges): Iterable<number> {
  for (let at = 0; at < ranges.length; at += RANGE_WORDS) {
    const [first = 0, step = 1, count = 0] = ranges.subarray(at, at + RANGE_WORDS);
    for (let i = 0; i < count; i += 1) yield first + i * step;
  }
}

/** Those at the positions that `keep` marks with 1. */
export function filterRanges(ranges: IndexRanges, keep: Uint8Array): IndexRanges {
  const kept = new Ranges();
  let position = 0;
  for (const index of eachIndex(ranges)) {
    if (keep[position] === 1) kept.add(index, 1, 1);
    position += 1;
  }
  return kept.words();
}

/** Finds the index at a position. */
export class IndexFinder {
  readonly count: number;
  readonly #ranges: IndexRanges;
  /** Positions at which the ranges end. */
  readonly #ends: Uint32Array;

  constructor(ranges: IndexRanges) {
    this.#ranges = ranges;
    this.#ends = new Uint32Array(ranges.length / RANGE_WORDS);
    let end = 0;
    for (let i = 0; i < this.#ends.length; i += 1) {
      end += ranges[i * RANGE_WORDS + 2] as number;
      this.#ends[i] = end;
    }
    this.count = end;
  }

  /** @param position - from 0, below `count` */
  at(position: number): number {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (position < (this.#ends[middle] as number)) high = middle;
      else low = middle + 1;
    }
    const before = low === 0 ? 0 : (this.#ends[low - 1] as number);
    const at = low * RANGE_WORDS;
    return (this.#ranges[at] as number) + (position - before) * (this.#ranges[at + 1] as number);
  }
}

/** Gathers ranges, joining what goes on in equal steps. */
class Ranges {
  count = 0;
  #words: number[] = [];

  add(first: number, step: number, count: number): void {
    if (count === 0) return;
    this.count += count;
    const at = this.#words.length - RANGE_WORDS;
    const [lastFirst = 0, lastStep = 0, lastCount = 0] = this.#words.slice(Math.max(0, at));
    // Two single ones may begin a range of any step.
    const joined = lastCount === 1 ? first - lastFirst : lastStep;
    const goesOn = lastCount > 0 && joined > 0 && first === lastFirst + joined * lastCount;
    if (goesOn && (count === 1 || step === joined)) {
      this.#words[at + 1] = joined;
      this.#words[at + 2] = lastCount + count;
    } else this.#words.push(first, count === 1 ? 1 : step, count);
  }

  words(): IndexRanges {
    return Uint32Array.from(this.#words);
  }
}
