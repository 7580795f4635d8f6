/**
 * Head and tail of a command's output, without the noise of progress bars (spec: jobs.md §15, runner.md §3.6).
 *
 * ```
 * bytes ──► lines, cut at carriage returns ──► first and last 4096 bytes ──► trimmed
 *           98%\r99%\r100%\r\n → 98%\n[...]\n100%\n
 * ```
 *
 * Whatever comes in, what is kept is bounded: a line of a gigabyte costs as little as a short one.
 */

/** Bytes kept of either end. */
export const OUTPUT_ENDS_BYTES = 4096;

const CR = 13;
const LF = 10;
const NEWLINE = Uint8Array.of(LF);
const SKIPPED_PIECES = bytesOf('[...]\n');

/** Keeps the first and the last bytes of what is written to it. */
class Ends {
  readonly #max: number;
  readonly #head: Uint8Array;
  readonly #ring: Uint8Array;
  #total = 0;

  constructor(max: number) {
    this.#max = max;
    this.#head = new Uint8Array(max);
    this.#ring = new Uint8Array(max);
  }

  get total(): number {
    return this.#total;
  }

  write(bytes: Uint8Array): void {
    const toHead = Math.min(bytes.length, Math.max(0, this.#max - this.#total));
    if (toHead > 0) this.#head.set(bytes.subarray(0, toHead), this.#total);
    this.#total += toHead;
    if (toHead < bytes.length) this.#writeTail(bytes.subarray(toHead));
  }

  /** Counts bytes that nobody can ask for: at least `max` were written before and `max` others follow. */
  skip(count: number): void {
    this.#total += count;
  }

  #writeTail(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#max));
    this.#total += bytes.length;
    // The ring's position follows from the total, so that skipping needs no bookkeeping.
    const at = (((this.#total - kept.length) % this.#max) + this.#max) % this.#max;
    const first = Math.min(kept.length, this.#max - at);
    this.#ring.set(kept.subarray(0, first), at);
    this.#ring.set(kept.subarray(first), 0);
  }

  get head(): Uint8Array {
    return this.#head.subarray(0, Math.min(this.#total, this.#max));
  }

  /** The last bytes that do not belong to the head. */
  get tail(): Uint8Array {
    const length = Math.min(this.#max, Math.max(0, this.#total - this.#max));
    const tail = new Uint8Array(length);
    const at = (this.#total - length) % this.#max;
    const first = Math.min(length, this.#max - at);
    tail.set(this.#ring.subarray(at, at + first));
    tail.set(this.#ring.subarray(0, length - first), first);
    return tail;
  }

  get omitted(): number {
    return Math.max(0, this.#total - 2 * this.#max);
  }

  clear(): void {
    this.#total = 0;
  }

  /** Writes everything kept into another one as if all of it had been written there. */
  pour(into: Ends): void {
    into.write(this.head);
    if (this.omitted > 0) into.skip(this.omitted);
    into.write(this.tail);
  }
}

/** Takes one stream's bytes in pieces of any size. */
export class OutputFilter {
  readonly #max: number;
  readonly #out: Ends;
  /** Of the line being read, once it has had a carriage return: the piece before the last one, and the last one. */
  #previous: Ends | null = null;
  #current: Ends | null = null;
  #returns = 0;

  constructor(endsBytes = OUTPUT_ENDS_BYTES) {
    this.#max = endsBytes;
    this.#out = new Ends(endsBytes);
  }

  write(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      from = this.#returns === 0 ? this.#plain(bytes, from) : this.#bar(bytes, from);
    }
  }

  /** Lines without carriage returns pass as they are, however many: the search for one is the runtime's own. */
  #plain(bytes: Uint8Array, from: number): number {
    const at = bytes.indexOf(CR, from);
    if (at < 0) {
      this.#out.write(bytes.subarray(from));
      return bytes.length;
    }
    this.#out.write(bytes.subarray(from, at));
    this.#returns = 1;
    this.#current = new Ends(this.#max);
    return at + 1;
  }

  #bar(bytes: Uint8Array, from: number): number {
    const lineEnd = bytes.indexOf(LF, from);
    const end = lineEnd < 0 ? bytes.length : lineEnd;
    let at = from;
    for (;;) {
      const next = bytes.indexOf(CR, at);
      if (next < 0 || next >= end) break;
      this.#current?.write(bytes.subarray(at, next));
      this.#turn();
      at = next + 1;
    }
    this.#current?.write(bytes.subarray(at, end));
    if (lineEnd < 0) return end;
    this.#endLine();
    return lineEnd + 1;
  }

  #turn(): void {
    const spare = this.#previous ?? new Ends(this.#max);
    spare.clear();
    this.#previous = this.#current;
    this.#current = spare;
    this.#returns += 1;
  }

  /** The first piece stands already; what follows the last carriage return is dropped. */
  #endLine(): void {
    if (this.#returns === 0) return;
    this.#out.write(NEWLINE);
    if (this.#returns > 2) this.#out.write(SKIPPED_PIECES);
    if (this.#returns > 1) {
      this.#previous?.pour(this.#out);
      this.#out.write(NEWLINE);
    }
    this.#returns = 0;
    this.#previous = null;
    this.#current = null;
  }

  /** Ends the stream. @returns head, a line that says what is missing, and tail; white space around it trimmed */
  finish(): Uint8Array {
    this.#endLine();
    const { head, tail, omitted } = this.#out;
    const gap = omitted > 0 ? bytesOf(`\n... omitting ${omitted} bytes ...\n`) : new Uint8Array(0);
    const all = new Uint8Array(head.length + gap.length + tail.length);
    all.set(head);
    all.set(gap, head.length);
    all.set(tail, head.length + gap.length);
    return trim(all);
  }
}

/** One stream at once. */
export function filterOutput(bytes: Uint8Array): Uint8Array {
  const filter = new OutputFilter();
  filter.write(bytes);
  return filter.finish();
}

function trim(bytes: Uint8Array): Uint8Array {
  let from = 0;
  let to = bytes.length;
  while (from < to && isSpace(bytes[from])) from += 1;
  while (to > from && isSpace(bytes[to - 1])) to -= 1;
  return bytes.subarray(from, to);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
