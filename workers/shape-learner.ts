/** From a JSON line that was parsed and found good to its {@link LineShape}. */
import { LINE_MEMBERS, type LineJob } from '../core/job-line.ts';
import type { JobOptions } from '../core/job-options.ts';
import { LineShape, type Slot, type SlotKind } from './line-shape.ts';

/** Members whose value is a list of texts that differs from line to line. */
const LISTS: Readonly<Record<string, SlotKind>> = { dep_grps: 'depGroups', deps: 'deps' };
/** Members with a text that differs. */
const TEXTS: Readonly<Record<string, SlotKind>> = { cmd: 'cmd', cwd: 'cwd' };
const PARENT_TEXTS: Readonly<Record<string, SlotKind>> = { cmd: 'parentCmd', cwd: 'parentCwd' };
/** Members that are read for every line. */
const UNSHAPED: ReadonlySet<string> = new Set(['env', 'array']);
const KNOWN: ReadonlySet<string> = new Set(LINE_MEMBERS);
const NOTHING = /"(?:dep_grps|deps|cmd_deps)"/;

/**
 * @param line - its bytes
 * @param defaults - what a line gets that says nothing
 * @returns `null`: lines like this are to be parsed each
 */
export function learnShape(line: Uint8Array, job: LineJob, defaults: JobOptions): LineShape | null {
  // A character a byte.
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
  const { depGroups, deps, cmdDeps } = defaults;
  // What a line says of these is laid over what the flags say of them, which is not for a shape.
  if (depGroups.length + deps.length + cmdDeps.length > 0 && NOTHING.test(text)) return null;
  const slots = new Learner(text).learn();
  return slots === null ? null : new LineShape(line, slots, job);
}

/** Thrown at what has no shape. */
const NO_SHAPE = new Error('no shape');

/** Walks over a line that is known to be a JSON object. */
class Learner {
  readonly #text: string;
  readonly #slots: Slot[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  learn(): readonly Slot[] | null {
    try {
      this.#eachMember((key) => this.#member(key));
    } catch (thrown) {
      if (thrown !== NO_SHAPE) throw thrown;
      return null;
    }
    return this.#slots.some(({ kind }) => kind === 'cmd') ? this.#slots : null;
  }

  /** The members of an object, each name once, in whatever case: `read` goes over the value. */
  #eachMember(read: (key: string) => void): void {
    const seen = new Set<string>();
    this.#expect('{');
    while (this.#next() !== '}') {
      if (seen.size > 0) this.#expect(',');
      this.#next();
      const [from, to] = this.#plainText();
      const key = this.#text.slice(from, to);
      if (seen.has(key.toLowerCase())) throw NO_SHAPE;
      seen.add(key.toLowerCase());
      this.#next();
      this.#expect(':');
      this.#next();
      read(key);
    }
    this.#at += 1;
  }

  #member(key: string): void {
    if (!KNOWN.has(key) || UNSHAPED.has(key)) throw NO_SHAPE;
    const from = this.#at;
    if (this.#text.startsWith('null', from)) this.#skip();
    else if (TEXTS[key] !== undefined) this.#textSlot(TEXTS[key]);
    else if (LISTS[key] !== undefined) this.#list(LISTS[key]);
    else if (key === 'cmd_deps') this.#parents();
    else {
      this.#skip();
      if (key === 'priority') this.#slot('priority', from, this.#at);
    }
  }

  #slot(kind: SlotKind, from: number, to: number): void {
    this.#slots.push({ kind, from, to });
  }

  /** An empty text counts as not given: it stays as it is. */
  #textSlot(kind: SlotKind): void {
    const [from, to] = this.#plainText();
    if (to > from || kind === 'parentCwd') this.#slot(kind, from, to);
  }

  /** Likewise an empty list. */
  #list(kind: SlotKind): void {
    const from = this.#at;
    this.#skip();
    if (/^\[[ \r]*\]$/.test(this.#text.slice(from, this.#at))) return;
    this.#slot(kind, from + 1, this.#at - 1);
  }

  #parents(): void {
    this.#expect('[');
    for (let isFirst = true; this.#next() !== ']'; isFirst = false) {
      if (!isFirst) this.#expect(',');
      this.#next();
      this.#parent();
    }
    this.#at += 1;
  }

  /** `{"cmd":…,"cwd":…}`, in this order. */
  #parent(): void {
    const from = this.#slots.length;
    this.#eachMember((key) => {
      const kind = PARENT_TEXTS[key];
      if (kind === undefined) throw NO_SHAPE;
      this.#textSlot(kind);
    });
    const [cmd, cwd] = this.#slots.slice(from);
    if (cmd?.kind !== 'parentCmd' || cwd?.kind !== 'parentCwd') throw NO_SHAPE;
  }

  /** A text without escapes. @returns where it begins and ends, without its quotes */
  #plainText(): [number, number] {
    this.#expect('"');
    const from = this.#at;
    const to = this.#text.indexOf('"', from);
    if (to < 0 || this.#text.slice(from, to).includes('\\')) throw NO_SHAPE;
    this.#at = to + 1;
    return [from, to];
  }

  /** Goes over any value. */
  #skip(): void {
    const scalar = /[^\s,\]}"[{]+/y;
    const string = /"(?:[^"\\]|\\.)*"/y;
    let depth = 0;
    do {
      const character = this.#next();
      if (character === '') throw NO_SHAPE;
      if (character === '[' || character === '{') depth += 1;
      if (character === ']' || character === '}') depth -= 1;
      const token = character === '"' ? string : scalar;
      token.lastIndex = this.#at;
      this.#at = token.test(this.#text) ? token.lastIndex : this.#at + 1;
    } while (depth > 0);
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw NO_SHAPE;
    this.#at += 1;
  }

  /** The next character that is no blank, or '': there is none. */
  #next(): string {
    const blank = /[ \t\r\n]*/y;
    blank.lastIndex = this.#at;
    blank.test(this.#text);
    this.#at = blank.lastIndex;
    return this.#text[this.#at] ?? '';
  }
}
