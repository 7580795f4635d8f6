/** Decoded segments, most recently used first, bounded by bytes: reading jobs in order must not read a segment twice. */
import { WrError } from '../core/errors.ts';
import type { Segment } from '../core/segment.ts';
import type { KeyValueReader } from './key-value.ts';
import { readSegment } from './layout.ts';

const BYTES_MAX = 24 * 1024 * 1024;

export class SegmentCache {
  readonly #store: KeyValueReader;
  readonly #bytesMax: number;
  readonly #segments = new Map<number, { readonly segment: Segment; readonly bytes: number }>();
  #bytes = 0;

  constructor(store: KeyValueReader, bytesMax = BYTES_MAX) {
    this.#store = store;
    this.#bytesMax = bytesMax;
  }

  /** @throws {WrError} STORE_UNREADABLE when the segment is missing or damaged */
  get(id: number): Segment {
    const cached = this.#segments.get(id);
    if (cached !== undefined) {
      // A Map keeps the order of insertion: the first entry is the one used longest ago.
      this.#segments.delete(id);
      this.#segments.set(id, cached);
      return cached.segment;
    }
    const segment = readSegment(this.#store, id);
    if (segment === undefined)
      throw new WrError('STORE_UNREADABLE', `segment ${id} is missing from the database`);
    const { byteLength } = segment.bytes;
    this.#segments.set(id, { segment, bytes: byteLength });
    this.#bytes += byteLength;
    this.#evict();
    return segment;
  }

  /** Jobs of a segment were changed: it is read anew. */
  drop(id: number): void {
    const cached = this.#segments.get(id);
    if (cached === undefined) return;
    this.#segments.delete(id);
    this.#bytes -= cached.bytes;
  }

  clear(): void {
    this.#segments.clear();
    this.#bytes = 0;
  }

  #evict(): void {
    for (const [id, { bytes }] of this.#segments) {
      if (this.#bytes <= this.#bytesMax || this.#segments.size === 1) return;
      this.#segments.delete(id);
      this.#bytes -= bytes;
    }
  }
}
