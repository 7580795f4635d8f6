/**
 * Segments of queued jobs, read in place and changed; `segment-format.ts` draws their bytes, `segment-pack.ts` makes them.
 *
 * Stored bytes may be damaged: everything is checked before it is followed, and what does not fit is STORE_UNREADABLE.
 */
import { ArrayBody } from './array-segment.ts';
import { WrError } from './errors.ts';
import { KEY_BYTES } from './identity.ts';
import type { JobDelta } from './job-options.ts';
import type { Overlay } from './overlay.ts';
import { FLAG, FLAGS_ALL, HEADER_BYTES, INDEX_WIDTHS, MAGIC, SEGMENT_VERSION } from './segment-format.ts';
import { packSegment } from './segment-pack.ts';
import { deltaJson, parseDelta } from './template.ts';

/** Where the columns of a segment stand. */
interface Layout {
  readonly keys: number;
  readonly lengths: number;
  readonly index: number;
  readonly priorities: number;
  readonly deltaLengths: number;
  readonly deltas: number;
  readonly commands: number;
  readonly end: number;
}

/** A segment's jobs, read in place. Views it hands out share its bytes. */
export class Segment {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly templateCount: number;
  readonly #view: DataView;
  readonly #layout: Layout;
  /** 0: an array. */
  readonly #lengthWidth: 0 | 2 | 4;
  readonly #indexWidth: 0 | 1 | 2 | 4;
  readonly #hasPriorities: boolean;
  readonly #deltaWidth: 0 | 2 | 4;
  #array: ArrayBody | undefined;
  #commandEnds: Uint32Array | undefined;
  #deltaEnds: Uint32Array | undefined;
  /** What was changed since; `null`: nothing. */
  readonly #overlay: Overlay | null;

  /** @throws {WrError} STORE_UNREADABLE for what is no segment, STORE_NEWER for a later format */
  constructor(bytes: Uint8Array, overlay: Overlay | null = null) {
    this.#overlay = overlay;
    if (bytes.length < HEADER_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte))
      throw damaged('it has no header');
    const version = bytes[3] as number;
    if (version > SEGMENT_VERSION) throw new WrError('STORE_NEWER', `stored jobs are of format ${version}`);
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const flags = this.#view.getUint32(4, true);
    if (version === 0 || flags > FLAGS_ALL) throw damaged('its header makes no sense');
    this.count = this.#view.getUint32(8, true);
    this.templateCount = this.#view.getUint32(12, true);
    const isArray = (flags & FLAG.array) !== 0;
    if (isArray && flags !== FLAG.array) throw damaged('its header makes no sense');
    this.#lengthWidth = isArray ? 0 : flags & FLAG.wideCommands ? 4 : 2;
    this.#indexWidth = INDEX_WIDTHS[((flags & FLAG.indexMask) >> FLAG.indexShift) as 0 | 1 | 2 | 3];
    this.#hasPriorities = (flags & FLAG.priorities) !== 0;
    this.#deltaWidth = (flags & FLAG.deltas) === 0 ? 0 : flags & FLAG.wideDeltas ? 4 : 2;
    this.#layout = this.#layOut();
    if (this.#layout.end !== bytes.length) throw damaged('its size is not what its header says');
    if (this.count > 0 && this.templateCount === 0) throw damaged('it has no template');
    if (overlay !== null && overlay.count !== this.count) throw damaged('what was changed is not of it');
  }

  #layOut(): Layout {
    const n = this.count;
    const keys = HEADER_BYTES + 4 * this.templateCount;
    const lengths = keys + KEY_BYTES * n;
    const index = lengths + this.#lengthWidth * n;
    const priorities = index + this.#indexWidth * n;
    const deltaLengths = priorities + (this.#hasPriorities ? n : 0);
    const deltas = deltaLengths + this.#deltaWidth * n;
    const commands = deltas + this.#view.getUint32(20, true);
    return {
      keys,
      lengths,
      index,
      priorities,
      deltaLengths,
      deltas,
      commands,
      end: commands + this.#view.getUint32(16, true),
    };
  }

  /** All keys, 16 bytes each: a view, unless some were changed. */
  get keys(): Uint8Array {
    const packed = this.bytes.subarray(this.#layout.keys, this.#layout.lengths);
    if (this.#overlay === null) return packed;
    const keys = new Uint8Array(packed);
    for (let job = 0; job < this.count; job += 1) {
      const key = this.#overlay.key(job);
      if (key !== null) keys.set(key, job * KEY_BYTES);
    }
    return keys;
  }

  /** The key of a job: a view of 16 bytes. */
  key(job: number): Uint8Array {
    const at = this.#layout.keys + KEY_BYTES * this.#check(job);
    const changed = this.#overlay?.key(job) ?? null;
    if (changed !== null) return changed;
    return this.bytes.subarray(at, at + KEY_BYTES);
  }

  /** The command of a job: a view, or made now for one of an array. */
  command(job: number): Uint8Array {
    const changed = this.#overlay?.command(job) ?? null;
    if (changed !== null) return changed;
    if (this.#lengthWidth === 0) return this.#arrayBody().command(this.#check(job));
    this.#commandEnds ??= this.#ends(
      this.#layout.lengths,
      this.#lengthWidth,
      this.#layout.end - this.#layout.commands,
    );
    const from = this.#check(job) === 0 ? 0 : (this.#commandEnds[job - 1] as number);
    const { commands } = this.#layout;
    return this.bytes.subarray(commands + from, commands + (this.#commandEnds[job] as number));
  }

  /** Ids of the templates that its jobs may have. */
  get templateIds(): Uint32Array {
    return Uint32Array.from({ length: this.templateCount }, (_, at) => this.#templateIdAt(at));
  }

  #templateIdAt(at: number): number {
    return this.#view.getUint32(HEADER_BYTES + 4 * at, true);
  }

  templateId(job: number): number {
    return this.#overlay?.template(job) ?? this.#templateIdAt(this.templateIndex(job));
  }

  /** Which of `templateIds` a job has. */
  templateIndex(job: number): number {
    this.#check(job);
    if (this.#indexWidth === 0) return 0;
    const index = this.#read(this.#layout.index, this.#indexWidth, job);
    if (index >= this.templateCount) throw damaged('a job names a template it does not have');
    return index;
  }

  /** `null`: the template's. */
  priority(job: number): number | null {
    this.#check(job);
    if (this.#overlay?.hasPriority(job)) return null;
    if (this.#lengthWidth === 0) return this.#arrayBody().priority;
    return this.#hasPriorities ? (this.bytes[this.#layout.priorities + job] as number) : null;
  }

  /** Whether some job may have another priority than its template. */
  get hasPriorities(): boolean {
    return this.#lengthWidth === 0 ? this.#arrayBody().priority !== null : this.#hasPriorities;
  }

  /** Whether two jobs have the same template, and the same of it counts for both. */
  isLike(a: number, b: number): boolean {
    return (this.#overlay?.isLike(a, b) ?? true) && this.templateId(a) === this.templateId(b);
  }

  /** What a job says differently from its template, as JSON; '' when nothing. */
  deltaJson(job: number): string {
    if (this.#overlay === null) return this.#packedDelta(job);
    const delta = this.delta(job);
    return delta === null ? '' : deltaJson(delta);
  }

  #packedDelta(job: number): string {
    this.#check(job);
    if (this.#lengthWidth === 0) return JSON.stringify(this.#arrayBody().delta(job));
    if (this.#deltaWidth === 0) return '';
    const { deltas, commands, deltaLengths } = this.#layout;
    this.#deltaEnds ??= this.#ends(deltaLengths, this.#deltaWidth, commands - deltas);
    const from = job === 0 ? 0 : (this.#deltaEnds[job - 1] as number);
    const length = (this.#deltaEnds[job] as number) - from;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + deltas + from, length).toString();
  }

  /** @throws {WrError} STORE_UNREADABLE when the delta is damaged */
  delta(job: number): JobDelta | null {
    const packed = this.#parsedDelta(job);
    return this.#overlay === null ? packed : this.#overlay.delta(job, packed);
  }

  #parsedDelta(job: number): JobDelta | null {
    if (this.#lengthWidth === 0) return this.#arrayBody().delta(this.#check(job));
    const json = this.#packedDelta(job);
    return json === '' ? null : parseDelta(json);
  }

  /** Read when the first of its jobs is looked at. */
  #arrayBody(): ArrayBody {
    if (this.#array !== undefined) return this.#array;
    const { deltas, commands, end } = this.#layout;
    const delta = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + deltas, commands - deltas);
    this.#array = new ArrayBody(this.bytes.subarray(commands, end), this.count, delta.toString());
    return this.#array;
  }

  /** Of an array: itself without some of its jobs; `null`: it is none. */
  filteredArray(keep: Uint8Array, keys: Uint8Array): Uint8Array<ArrayBuffer> | null {
    if (this.#lengthWidth !== 0) return null;
    return this.#arrayBody().filtered(keep, this.#templateIdAt(0), keys).bytes;
  }

  #check(job: number): number {
    if (!(job >= 0 && job < this.count)) throw new RangeError(`job ${job} of a segment of ${this.count}`);
    return job;
  }

  #read(column: number, width: 1 | 2 | 4, job: number): number {
    if (width === 1) return this.#view.getUint8(column + job);
    return width === 2
      ? this.#view.getUint16(column + 2 * job, true)
      : this.#view.getUint32(column + 4 * job, true);
  }

  /** Running totals of a column of lengths, which must add up to `total`. */
  #ends(column: number, width: 2 | 4, total: number): Uint32Array {
    const ends = new Uint32Array(this.count);
    let end = 0;
    for (let job = 0; job < this.count; job += 1) {
      end += this.#read(column, width, job);
      if (end > total) break; // Before it could wrap.
      ends[job] = end;
    }
    if (end !== total) throw damaged('its lengths do not add up');
    return ends;
  }
}

function damaged(why: string): WrError {
  return new WrError('STORE_UNREADABLE', `stored jobs are damaged: ${why}`);
}

/**
 * Writes template ids into a segment, in place: the ones it was packed with count from 0 within it.
 * @throws {RangeError} when there are not as many as the segment has
 * @throws {WrError} STORE_UNREADABLE
 */
export function setTemplateIds(bytes: Uint8Array, ids: ArrayLike<number>): void {
  const { templateCount } = new Segment(bytes);
  if (ids.length !== templateCount) throw new RangeError(`${ids.length} ids for ${templateCount} templates`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < templateCount; at += 1)
    view.setUint32(HEADER_BYTES + 4 * at, ids[at] as number, true);
}

/**
 * A segment without some of its jobs; the templates stay, used or not.
 * @param keep - one byte a job; 1 keeps it
 * @throws {WrError} STORE_UNREADABLE when the bytes are damaged
 */
export function filterSegment(bytes: Uint8Array, keep: Uint8Array): Uint8Array<ArrayBuffer> {
  const segment = new Segment(bytes);
  const kept: number[] = [];
  for (let job = 0; job < segment.count; job += 1) if (keep[job] === 1) kept.push(job);
  const keys = Buffer.concat(kept.map((job) => segment.key(job)));
  const array = segment.filteredArray(keep, keys);
  if (array !== null) return array;
  const commands = kept.map((job) => segment.command(job));
  const deltas = kept.map((job) => segment.deltaJson(job));
  const hasPriorities = segment.count > 0 && segment.priority(0) !== null;
  return packSegment({
    count: kept.length,
    templateIds: segment.templateIds,
    keys,
    commandLengths: commands.map((command) => command.length),
    commands: Buffer.concat(commands),
    templateIndex: segment.templateCount > 1 ? kept.map((job) => segment.templateIndex(job)) : null,
    priorities: hasPriorities ? Uint8Array.from(kept, (job) => segment.priority(job) as number) : null,
    deltas: deltas.some((delta) => delta !== '') ? deltas : null,
  }).bytes;
}
