/** The results of a frame in input order, its arrays among them part by part, as workers make them. */
import { splitRanges } from '../core/array-indexes.ts';
import type { ArrayLine } from '../workers/array-line.ts';
import { ARRAY_PART_JOBS, type ArrayPartTask } from '../workers/array-part.ts';
import type { IngestResult } from '../workers/ingest-result.ts';

/** Parts of an array that are made at once: enough for the workers, and not all of them in memory. */
const PARTS_UNDER_WAY_MAX = 6;

/** A result that says which array its commands are of: the same object for all parts of one. */
export type UnfoldedResult = IngestResult & { readonly array?: object };

type MakePart = (task: ArrayPartTask) => Promise<IngestResult>;

export async function* unfolded(
  result: IngestResult,
  makePart: MakePart,
  wantLines: boolean,
): AsyncGenerator<UnfoldedResult, void, undefined> {
  yield result;
  for (const { array, behind } of result.rest) {
    yield* partsOf(array, makePart, wantLines);
    yield behind;
  }
}

async function* partsOf(
  line: ArrayLine,
  makePart: MakePart,
  wantLines: boolean,
): AsyncGenerator<UnfoldedResult, void, undefined> {
  const underWay: Promise<IngestResult>[] = [];
  for (const ranges of splitRanges(line.ranges, ARRAY_PART_JOBS)) {
    const part = makePart({ line: { ...line, ranges }, wantLines });
    part.catch(() => undefined); // One that fails is met when its turn comes.
    underWay.push(part);
    if (underWay.length >= PARTS_UNDER_WAY_MAX)
      yield { ...((await underWay.shift()) as IngestResult), array: line };
  }
  while (underWay.length > 0) yield { ...((await underWay.shift()) as IngestResult), array: line };
}
