/**
 * A JSON line as a pattern: the bytes that stay and the places of values that differ from line to line. Most lines of a file
 * have the shape of one before them; such a line is not parsed again, only compared and cut.
 *
 * ```
 * {"cmd":"true 1","memory":"2G","deps":["a","b"],"priority":7}
 * └literal┘cmd   └───── literal ──────┘deps      └ literal ─┘priority
 * ```
 *
 * A shape is made of a line that was parsed and found good. A line that equals it but for everyday values in these places
 * says the same but for them, and is good too: what a value may hold here needs no escape and no check. Anything else does
 * not match, and is parsed.
 */
import type { LineTemplate } from '../core/job-line.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BLANK = 0x20;
const BACKSLASH = 0x5c;
const ASCII_MAX = 0x7f;
const LF = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
/** Digits of a priority. */
const DIGITS_MAX = 3;
const PRIORITY_MAX = 255;

export type SlotKind = 'cmd' | 'cwd' | 'priority' | 'depGroups' | 'deps' | 'parentCmd' | 'parentCwd';

/** A value that differs from line to line: text between quotes, a number, or a list of texts without its brackets. */
export interface Slot {
  readonly kind: SlotKind;
  /** Where it stands in the line that the shape is made of. */
  readonly from: number;
  readonly to: number;
}

/** How a slot is read. */
const READ = { text: 0, filled: 1, list: 2, number: 3 } as const;

const READ_OF: Readonly<Record<SlotKind, number>> = {
  cmd: READ.filled,
  cwd: READ.filled,
  priority: READ.number,
  depGroups: READ.list,
  deps: READ.list,
  parentCmd: READ.filled,
  parentCwd: READ.text,
};

export class LineShape {
  readonly template: LineTemplate;
  readonly gaveRepGroup: boolean;
  /** In the order of the line. */
  readonly slots: readonly Slot[];
  /** Of the line last matched: where each slot begins and ends. */
  readonly spans: Uint32Array;
  readonly #literals: Uint8Array;
  /** Where each literal ends in `#literals`. */
  readonly #ends: Uint32Array;
  readonly #reads: Uint8Array;

  constructor(
    line: Uint8Array,
    slots: readonly Slot[],
    { template, gaveRepGroup }: { readonly template: LineTemplate; readonly gaveRepGroup: boolean },
  ) {
    this.template = template;
    this.gaveRepGroup = gaveRepGroup;
    this.slots = slots;
    this.spans = new Uint32Array(2 * slots.length);
    this.#reads = Uint8Array.from(slots, ({ kind }) => READ_OF[kind]);
    const edges = [0, ...slots.flatMap(({ from, to }) => [from, to]), line.length];
    const literals: Uint8Array[] = [];
    for (let at = 0; at < edges.length; at += 2) literals.push(line.subarray(edges[at], edges[at + 1]));
    this.#literals = Buffer.concat(literals);
    let end = 0;
    this.#ends = Uint32Array.from(literals, (literal) => (end += literal.length));
  }

  /** @returns where the line that begins at `start` ends, its spans noted; −1: it is not of this shape */
  match(bytes: Uint8Array, start: number): number {
    let at = start;
    let literal = 0;
    for (let slot = 0; slot < this.#reads.length; slot += 1) {
      for (const end = this.#ends[slot] as number; literal < end; literal += 1, at += 1)
        if (bytes[at] !== this.#literals[literal]) return -1;
      const end = readSlot(bytes, at, this.#reads[slot] as number);
      if (end < 0) return -1;
      this.spans[2 * slot] = at;
      this.spans[2 * slot + 1] = end;
      at = end;
    }
    for (; literal < this.#literals.length; literal += 1, at += 1)
      if (bytes[at] !== this.#literals[literal]) return -1;
    return at === bytes.length || bytes[at] === LF ? at : -1;
  }
}

/** @returns where the value ends; −1: it has to be looked at with more care */
function readSlot(bytes: Uint8Array, at: number, read: number): number {
  if (read === READ.list) return listEnd(bytes, at);
  if (read === READ.number) return priorityEnd(bytes, at);
  const end = textEnd(bytes, at);
  return read === READ.filled && end === at ? -1 : end;
}

/** Where a text ends that needs no escape, at its quote. */
export function textEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at;
    if (byte < BLANK || byte > ASCII_MAX || byte === BACKSLASH) return -1;
  }
  return -1;
}

/** Texts, none of them empty, with a comma between them or a comma and a blank. */
function listEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; bytes[at] === QUOTE; ) {
    const end = textEnd(bytes, at + 1);
    if (end <= at + 1) return -1;
    at = end + 1;
    if (bytes[at] !== COMMA) return at;
    at += bytes[at + 1] === BLANK ? 2 : 1;
  }
  return -1;
}

/** The next text of a list that `match` took: where it begins. @param at - where the list begins, or the text before ended */
export function nextOfList(bytes: Uint8Array, at: number): number {
  let from = at;
  while (bytes[from] !== QUOTE) from += 1;
  return from + 1;
}

function priorityEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  const digits = at - from;
  if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[from] === ZERO)) return -1;
  return priorityAt(bytes, from, at) > PRIORITY_MAX ? -1 : at;
}

export function priorityAt(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) value = 10 * value + (bytes[at] as number) - ZERO;
  return value;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
