/** The task *array-part*: some indexes of an array of commands to a packed segment with their keys. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { countIndexes, eachIndex } from '../core/array-indexes.ts';
import { arrayKeys } from '../core/array-pattern.ts';
import { packArray } from '../core/array-segment.ts';
import { identityFrame } from '../core/identity.ts';
import { LinkBuilder } from '../core/link-builder.ts';
import { deltaJson, mergeDelta, templateJson } from '../core/template.ts';
import type { ArrayLine } from './array-line.ts';
import type { IngestResult } from './ingest-result.ts';

/** Commands of one part: as many as make the main thread's share of it short. */
export const ARRAY_PART_JOBS = 16_384;

export interface ArrayPartTask {
  /** `ranges` are those of this part. */
  readonly line: ArrayLine;
  /** Tell the line of each command. */
  readonly wantLines: boolean;
}

/** The same kind of result as a frame of as many lines, but that it has no input lines of its own. */
export function arrayPart({ line, wantLines }: ArrayPartTask): IngestResult {
  const { pattern, ranges, options, delta, priority, gaveRepGroup, frames } = line;
  const whole = mergeDelta(options, delta);
  const keyOf = arrayKeys(pattern, identityFrame(whole));
  const count = countIndexes(ranges);
  const links = new LinkBuilder(frames);
  links.add(0, count, whole);
  const packed = packArray({
    templateId: 0,
    keys: (target) => {
      const keys: string[] = [];
      for (const index of eachIndex(ranges)) keys.push(keyOf(index));
      target.write(keys.join(''), 'latin1');
    },
    ranges,
    pattern,
    priority,
    delta: delta === null ? '' : deltaJson(delta),
  });
  return {
    count,
    lines: 0,
    keys: packed.keys,
    segment: packed.bytes,
    templates: [templateJson(options)],
    templateIndex: null,
    priorities: priority === null ? null : new Uint8Array(count).fill(priority),
    // Its line is the next one of the input.
    lineNumbers: wantLines ? new Uint32Array(count).fill(1) : null,
    hasDelta: delta !== null,
    links: links.take(),
    usedDefaultRepGroup: !gaveRepGroup,
    unknownMembers: [],
    error: null,
    rest: [],
  };
}

/** Moves the result's buffers to the thread that asked. */
export default function arrayPartTask(task: ArrayPartTask): ReturnType<typeof move> {
  const result = arrayPart(task);
  const views = [result.segment, result.priorities, result.lineNumbers];
  return move({
    [transferableSymbol]: views.flatMap((view) => (view === null ? [] : [view.buffer])),
    [valueSymbol]: result,
  });
}
