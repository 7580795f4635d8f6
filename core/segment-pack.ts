/** Makes segments from columns; `segment-format.ts` draws their bytes, `segment.ts` reads them. */
import { KEY_BYTES } from './identity.ts';
import { FLAG, HEADER_BYTES, INDEX_WIDTHS, MAGIC, SEGMENT_VERSION } from './segment-format.ts';

/** What is known of n jobs. */
export interface SegmentColumns {
  readonly count: number;
  readonly templateIds: ArrayLike<number>;
  /** n × 16 bytes, or what writes them where it is told to, so that keys need no place of their own before. */
  readonly keys: Uint8Array | ((target: Buffer) => void);
  readonly commandLengths: ArrayLike<number>;
  /** One after the other. */
  readonly commands: Uint8Array;
  /** Which of `templateIds`; `null`: all the first. */
  readonly templateIndex: ArrayLike<number> | null;
  /** `null`: the template's. */
  readonly priorities: Uint8Array | null;
  /** JSON a job, '' for none; `null`: no job has any. */
  readonly deltas: readonly string[] | PackedDeltas | null;
  /** The jobs are an array's: `commands` is its body, and all have one delta, '' for none. */
  readonly array?: { readonly delta: string };
}

/** Deltas as they are packed: one after the other, and their lengths in bytes. */
export interface PackedDeltas {
  readonly bytes: Uint8Array;
  readonly lengths: ArrayLike<number>;
}

/** A segment and where in it the keys are. */
export interface PackedSegment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A view of `bytes`. */
  readonly keys: Uint8Array<ArrayBuffer>;
}

const U16_MAX = 0xffff;

/** @returns bytes in a buffer of their own, which may be moved to another thread */
export function packSegment(columns: SegmentColumns): PackedSegment {
  const { count, templateIds, commands, commandLengths, templateIndex, priorities } = columns;
  const deltas = columns.deltas === null ? null : encodeDeltas(columns.deltas);
  const shared = columns.array === undefined ? null : Buffer.from(columns.array.delta);
  const wideCommands = shared === null && hasWide(commandLengths, count);
  const lengthWidth = shared === null ? (wideCommands ? 4 : 2) : 0;
  const wideDeltas = deltas !== null && hasWide(deltas.lengths, count);
  const indexCode = templateIndex === null ? 0 : indexCodeFor(templateIds.length);
  const indexWidth = INDEX_WIDTHS[indexCode];
  const deltaBytes = (deltas?.bytes ?? shared)?.length ?? 0;
  const bytes = Buffer.from(
    new ArrayBuffer(
      HEADER_BYTES +
        4 * templateIds.length +
        count * (KEY_BYTES + lengthWidth + indexWidth) +
        (priorities === null ? 0 : count) +
        (deltas === null ? 0 : count * (wideDeltas ? 4 : 2)) +
        deltaBytes +
        commands.length,
    ),
  ) as Buffer<ArrayBuffer>;
  bytes.set(MAGIC);
  bytes[3] = SEGMENT_VERSION;
  const flags =
    (wideCommands ? FLAG.wideCommands : 0) |
    (indexCode << FLAG.indexShift) |
    (priorities === null ? 0 : FLAG.priorities) |
    (deltas === null ? 0 : FLAG.deltas) |
    (wideDeltas ? FLAG.wideDeltas : 0) |
    (shared === null ? 0 : FLAG.array);
  let at = writeColumn(bytes, 4, [flags, count, templateIds.length, commands.length, deltaBytes], 5, 4);
  at = writeColumn(bytes, at, templateIds, templateIds.length, 4);
  const keys = bytes.subarray(at, at + KEY_BYTES * count);
  if (typeof columns.keys === 'function') columns.keys(keys);
  else keys.set(columns.keys.subarray(0, KEY_BYTES * count));
  at += keys.length;
  if (lengthWidth > 0) at = writeColumn(bytes, at, commandLengths, count, lengthWidth);
  if (templateIndex !== null) at = writeColumn(bytes, at, templateIndex, count, indexWidth);
  if (priorities !== null) at = writeColumn(bytes, at, priorities, count, 1);
  if (deltas !== null) {
    at = writeColumn(bytes, at, deltas.lengths, count, wideDeltas ? 4 : 2);
    bytes.set(deltas.bytes, at);
  }
  if (shared !== null) bytes.set(shared, at);
  bytes.set(commands, at + deltaBytes);
  return {
    bytes: new Uint8Array(bytes.buffer),
    keys: new Uint8Array(bytes.buffer, keys.byteOffset, keys.length),
  };
}

function hasWide(lengths: ArrayLike<number>, count: number): boolean {
  for (let job = 0; job < count; job += 1) if ((lengths[job] as number) > U16_MAX) return true;
  return false;
}

function indexCodeFor(templates: number): 1 | 2 | 3 {
  if (templates <= 0x100) return 1;
  return templates <= 0x1_0000 ? 2 : 3;
}

/** @returns where the next column begins */
function writeColumn(
  bytes: Buffer,
  at: number,
  values: ArrayLike<number>,
  count: number,
  width: number,
): number {
  let to = at;
  for (let job = 0; job < count; job += 1) {
    const value = values[job] as number;
    bytes[to] = value;
    if (width > 1) bytes[to + 1] = value >>> 8;
    if (width > 2) {
      bytes[to + 2] = value >>> 16;
      bytes[to + 3] = value >>> 24;
    }
    to += width;
  }
  return to;
}

function encodeDeltas(deltas: readonly string[] | PackedDeltas): PackedDeltas {
  if ('bytes' in deltas) return deltas;
  const joined = deltas.join('');
  const bytes = Buffer.from(joined);
  // As long in bytes as in characters: ASCII, and every length is the text's.
  const isAscii = bytes.length === joined.length;
  return { bytes, lengths: deltas.map((delta) => (isAscii ? delta.length : Buffer.byteLength(delta))) };
}
