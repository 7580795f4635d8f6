/**
 * What a segment of an array holds instead of commands: the pattern they are made from, once, and their indexes. It stands
 * where other segments have their commands. Little-endian:
 *
 * ```
 * offset  size
 *      0     1  1: `priority` counts; 0: the template's
 *      1     1  priority
 *      2     2  0
 *      4     4  r, ranges
 *      8   12r  first index, step and count of each
 *               pattern
 * ```
 *
 * What the jobs say differently from their template they all say, so it stands once too, where others have a delta each.
 */
import { countIndexes, filterRanges, IndexFinder, type IndexRanges } from './array-indexes.ts';
import { ArrayCommands } from './array-pattern.ts';
import { WrError } from './errors.ts';
import type { JobDelta } from './job-options.ts';
import { type PackedSegment, packSegment } from './segment-pack.ts';
import { parseDelta } from './template.ts';

const HEADER_BYTES = 8;
const RANGE_BYTES = 12;
const NOTHING = new Uint8Array(0);

export interface ArrayColumns {
  readonly templateId: number;
  /** 16 bytes an index. */
  readonly keys: Uint8Array | ((target: Buffer) => void);
  readonly ranges: IndexRanges;
  readonly pattern: Uint8Array;
  /** `null`: the template's. */
  readonly priority: number | null;
  /** JSON; '' when they say nothing of their own. */
  readonly delta: string;
}

/** @returns bytes in a buffer of their own */
export function packArray({
  templateId,
  keys,
  ranges,
  pattern,
  priority,
  delta,
}: ArrayColumns): PackedSegment {
  const body = Buffer.alloc(HEADER_BYTES + 4 * ranges.length + pattern.length);
  body[0] = priority === null ? 0 : 1;
  body[1] = priority ?? 0;
  body.writeUInt32LE(ranges.length / 3, 4);
  for (const [i, word] of ranges.entries()) body.writeUInt32LE(word, HEADER_BYTES + 4 * i);
  body.set(pattern, HEADER_BYTES + 4 * ranges.length);
  return packSegment({
    count: countIndexes(ranges),
    templateIds: [templateId],
    keys,
    commandLengths: NOTHING,
    commands: body,
    templateIndex: null,
    priorities: null,
    deltas: null,
    array: { delta },
  });
}

/** The body of an array's segment, read. */
export class ArrayBody {
  readonly priority: number | null;
  readonly #ranges: IndexRanges;
  readonly #pattern: Uint8Array;
  readonly #delta: string;
  readonly #indexes: IndexFinder;
  readonly #commands: ArrayCommands;
  #parsed: JobDelta | undefined;

  /** @throws {WrError} STORE_UNREADABLE when it does not hold `count` indexes */
  constructor(bytes: Uint8Array, count: number, delta: string) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const ranges = bytes.length < HEADER_BYTES ? 0 : view.getUint32(4, true);
    const end = HEADER_BYTES + RANGE_BYTES * ranges;
    if (bytes.length < end) throw damaged('an array is cut off');
    this.priority = bytes[0] === 0 ? null : (bytes[1] as number);
    this.#ranges = Uint32Array.from({ length: 3 * ranges }, (_, i) =>
      view.getUint32(HEADER_BYTES + 4 * i, true),
    );
    this.#pattern = bytes.subarray(end);
    this.#delta = delta;
    this.#indexes = new IndexFinder(this.#ranges);
    this.#commands = new ArrayCommands(this.#pattern);
    if (this.#indexes.count !== count) throw damaged('an array has not as many indexes as keys');
  }

  command(job: number): Uint8Array {
    return this.#commands.command(this.#indexes.at(job));
  }

  delta(job: number): JobDelta {
    this.#parsed ??= this.#delta === '' ? {} : parseDelta(this.#delta);
    return { ...this.#parsed, arrayIndex: String(this.#indexes.at(job)) };
  }

  /** The array without some of its jobs. @param keys - of those that stay */
  filtered(keep: Uint8Array, templateId: number, keys: Uint8Array): PackedSegment {
    return packArray({
      templateId,
      keys,
      ranges: filterRanges(this.#ranges, keep),
      pattern: this.#pattern,
      priority: this.priority,
      delta: this.#delta,
    });
  }
}

function damaged(why: string): WrError {
  return new WrError('STORE_UNREADABLE', `stored jobs are damaged: ${why}`);
}
