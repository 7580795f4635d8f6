/** Takes lines that have the shape of one before them, straight from the bytes of the frame. */

import type { GrowingBytes } from '../core/growing-bytes.ts';
import type { LineJob } from '../core/job-line.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { LinkBuilder } from '../core/link-builder.ts';
import { DIGEST_WORDS, Md5Text } from '../core/md5.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { type LineShape, nextOfList, priorityAt, type SlotKind, textEnd } from './line-shape.ts';
import { learnShape } from './shape-learner.ts';
import { deltasOf, makeRoom, type TakenLines, takeCommand } from './taken-lines.ts';

/** Shapes that a line is compared with, the last one that matched first. */
const SHAPES_MAX = 4;
/** After so many shapes without as many lines that have one, the lines of a frame are not of a kind. */
const LEARNED_MAX = 32;
const DOT = 0x2e;
const COMMA = 0x2c;
const CLOSE_LIST = 0x5d;
const CLOSE = 0x7d;
const MEMBER = {
  cwd: Buffer.from('"cwd":"'),
  depGroups: Buffer.from('"depGroups":['),
  deps: Buffer.from('"deps":['),
  cmdDeps: Buffer.from('"cmdDeps":['),
} as const;
const PARENT = { cmd: Buffer.from('{"cmd":"'), cwd: Buffer.from(',"cwd":"') } as const;

/** What takes the lines of one shape. */
interface Shaped {
  readonly shape: LineShape;
  /** Places of slots; −1 and none where the lines have no such value. */
  readonly cmd: number;
  readonly cwd: number;
  readonly priority: number;
  readonly depGroups: number;
  readonly deps: number;
  /** Of commands waited for, each followed by that of its directory. */
  readonly parents: readonly number[];
  /** What its jobs wait for and belong to is the template's. */
  readonly inherits: boolean;
  /** Their identity is the command and a dot. */
  readonly isBare: boolean;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

export class ShapedLines {
  readonly #bytes: Buffer;
  readonly #defaults: JobOptions;
  readonly #defaultCwd: Uint8Array;
  readonly #identity = new Md5Text();
  readonly #key = new Uint32Array(DIGEST_WORDS);
  /** The command taken last, if its identity was bare: where it stands, and where its key does. */
  readonly #last: { taken: TakenLines | null; at: number; from: number; to: number } = {
    taken: null,
    at: -1,
    from: 0,
    to: 0,
  };
  #shapes: Shaped[] = [];
  #learned = 0;
  #matched = 0;

  constructor(bytes: Buffer, defaults: JobOptions) {
    this.#bytes = bytes;
    this.#defaults = defaults;
    this.#defaultCwd = Buffer.from(defaults.cwd);
  }

  /** Takes the line that begins at `start`. @returns where it ends; −1: it has to be parsed, nothing was taken */
  take(start: number, taken: TakenLines, links: LinkBuilder): number {
    for (let i = 0; i < this.#shapes.length; i += 1) {
      const shaped = this.#shapes[i] as Shaped;
      const end = shaped.shape.match(this.#bytes, start);
      if (end < 0 || end - start > LINE_BYTES_MAX) continue;
      if (i > 0) this.#shapes = [shaped, ...this.#shapes.filter((other) => other !== shaped)];
      this.#matched += 1;
      this.#takeJob(shaped, taken, links);
      return end;
    }
    return -1;
  }

  /** Notes the shape of a line that was parsed. */
  learn(start: number, end: number, job: LineJob): void {
    if (this.#learned >= LEARNED_MAX && this.#learned > this.#matched) return;
    this.#learned += 1;
    const shape = learnShape(this.#bytes.subarray(start, end), job, this.#defaults);
    if (shape !== null) this.#shapes = [shapedBy(shape), ...this.#shapes.slice(0, SHAPES_MAX - 1)];
  }

  #takeJob(shaped: Shaped, taken: TakenLines, links: LinkBuilder): void {
    const { shape, cmd, cwd, depGroups, deps, parents } = shaped;
    const at = taken.count;
    makeRoom(taken);
    const from = shape.spans[2 * cmd] as number;
    const to = shape.spans[2 * cmd + 1] as number;
    const hasCwd = this.#hasOwnCwd(shaped);
    const inOwnCwd = hasCwd && shape.template.options.cwdMatters;
    if (inOwnCwd) this.#append(shape.spans[2 * cwd] as number, shape.spans[2 * cwd + 1] as number);
    else this.#identity.append(shaped.before, 0, shaped.before.length);
    this.#identity.append(this.#bytes, from, to);
    this.#identity.append(shaped.after, 0, shaped.after.length);
    this.#identity.take(taken.keys, DIGEST_WORDS * at);
    copyBytes(this.#bytes, from, to, taken.commands, taken.commandBytes);
    takeCommand(taken, to - from, shape.template, this.#priority(shaped));
    if (!shape.gaveRepGroup) taken.usedDefaultRepGroup = true;
    if (shaped.inherits) links.add(at, 1, shape.template.options);
    if (hasCwd || depGroups >= 0 || deps >= 0 || parents.length > 0)
      this.#takeOwn(shaped, hasCwd, taken, at, links);
    if (shaped.isBare && !inOwnCwd) this.#remember(taken, at, from, to);
  }

  #remember(taken: TakenLines, at: number, from: number, to: number): void {
    this.#last.taken = taken;
    this.#last.at = at;
    this.#last.from = from;
    this.#last.to = to;
  }

  /** Whether a line says another directory than the flags. */
  #hasOwnCwd({ shape, cwd }: Shaped): boolean {
    if (cwd < 0) return false;
    const from = shape.spans[2 * cwd] as number;
    const length = (shape.spans[2 * cwd + 1] as number) - from;
    return length !== this.#defaultCwd.length || !isSame(this.#bytes, from, this.#defaultCwd, 0, length);
  }

  #priority({ shape, priority }: Shaped): number | null {
    if (priority < 0) return null;
    const from = shape.spans[2 * priority] as number;
    const value = priorityAt(this.#bytes, from, shape.spans[2 * priority + 1] as number);
    return value === this.#defaults.priority ? null : value;
  }

  // ------------------------------------------------------------ what differs from the template

  /** As `deltaJson` writes it, the members in the order of `DELTA_FIELDS`, and what it means for what waits for what. */
  #takeOwn(shaped: Shaped, hasCwd: boolean, taken: TakenLines, at: number, links: LinkBuilder): void {
    const { shape, cwd, depGroups, deps, parents } = shaped;
    const delta = deltasOf(taken);
    if (hasCwd) {
      delta.member(MEMBER.cwd);
      this.#copySlot(shape, cwd, delta.text);
    }
    if (depGroups >= 0) {
      delta.member(MEMBER.depGroups);
      this.#eachOfList(shape, depGroups, delta.text, (from, to) =>
        links.addMember(at, this.#bytes, from, to),
      );
    }
    if (deps >= 0) {
      delta.member(MEMBER.deps);
      this.#eachOfList(shape, deps, delta.text, (from, to) => links.addWait(at, this.#bytes, from, to));
    }
    if (parents.length > 0) {
      delta.member(MEMBER.cmdDeps);
      this.#takeParents(shaped, delta.text, taken, at, links);
    }
    delta.close(at);
  }

  /** A text, and the quote behind it. */
  #copySlot({ spans }: LineShape, slot: number, target: GrowingBytes): void {
    target.append(this.#bytes, spans[2 * slot] as number, (spans[2 * slot + 1] as number) + 1);
  }

  /** Copies a list of texts and its end; each text without its quotes is shown to `visit`. */
  #eachOfList(
    { spans }: LineShape,
    slot: number,
    target: GrowingBytes,
    visit: (from: number, to: number) => void,
  ): void {
    const end = spans[2 * slot + 1] as number;
    for (let at = spans[2 * slot] as number; at < end; ) {
      const from = nextOfList(this.#bytes, at);
      const to = textEnd(this.#bytes, from);
      target.append(this.#bytes, from - 1, to + 1);
      visit(from, to);
      at = to + 1;
      target.appendByte(at < end ? COMMA : CLOSE_LIST);
    }
  }

  #takeParents(
    shaped: Shaped,
    target: GrowingBytes,
    taken: TakenLines,
    at: number,
    links: LinkBuilder,
  ): void {
    const { shape, parents } = shaped;
    for (let i = 0; i < parents.length; i += 1) {
      const slot = parents[i] as number;
      if (i > 0) target.appendByte(COMMA);
      target.append(PARENT.cmd, 0, PARENT.cmd.length);
      this.#copySlot(shape, slot, target);
      target.append(PARENT.cwd, 0, PARENT.cwd.length);
      this.#copySlot(shape, slot + 1, target);
      target.appendByte(CLOSE);
      this.#linkParent(shape, slot, taken, at, links);
    }
    target.appendByte(CLOSE_LIST);
  }

  #linkParent({ spans }: LineShape, slot: number, taken: TakenLines, at: number, links: LinkBuilder): void {
    const [from, to] = [spans[2 * slot] as number, spans[2 * slot + 1] as number];
    const [cwdFrom, cwdTo] = [spans[2 * slot + 2] as number, spans[2 * slot + 3] as number];
    if (links.hasFrames) {
      const cmd = this.#bytes.toString('latin1', from, to);
      links.waitFor(at, 1, { cmd, cwd: this.#bytes.toString('latin1', cwdFrom, cwdTo) });
    } else if (cwdTo === cwdFrom && this.#isLast(taken, at, from, to)) {
      links.addParent(at, 1, taken.keys, DIGEST_WORDS * (at - 1), at);
    } else {
      if (cwdTo > cwdFrom) this.#append(cwdFrom, cwdTo);
      this.#append(from, to);
      this.#identity.take(this.#key, 0);
      links.addParent(at, 1, this.#key, 0);
    }
  }

  /** Whether a command is the one before, as in a chain, whose key is known. */
  #isLast(taken: TakenLines, at: number, from: number, to: number): boolean {
    const last = this.#last;
    if (last.taken !== taken || last.at !== at - 1 || last.to - last.from !== to - from) return false;
    return isSame(this.#bytes, from, this.#bytes, last.from, to - from);
  }

  /** To the identity: some bytes and a dot. */
  #append(from: number, to: number): void {
    this.#identity.append(this.#bytes, from, to);
    this.#identity.appendByte(DOT);
  }
}

function shapedBy(shape: LineShape): Shaped {
  const place = (kind: SlotKind): number => shape.slots.findIndex((slot) => slot.kind === kind);
  const { depGroups, deps, cmdDeps } = shape.template.options;
  const { before, after } = shape.template.identity;
  return {
    shape,
    cmd: place('cmd'),
    cwd: place('cwd'),
    priority: place('priority'),
    depGroups: place('depGroups'),
    deps: place('deps'),
    parents: shape.slots.flatMap(({ kind }, index) => (kind === 'parentCmd' ? [index] : [])),
    inherits: depGroups.length + deps.length + cmdDeps.length > 0,
    isBare: before === '' && after === '.',
    before: Buffer.from(before),
    after: Buffer.from(after),
  };
}

function copyBytes(bytes: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  for (let i = from, into = at; i < to; i += 1, into += 1) target[into] = bytes[i] as number;
}

function isSame(bytes: Uint8Array, at: number, others: Uint8Array, from: number, length: number): boolean {
  for (let i = length - 1; i >= 0; i -= 1) if (bytes[at + i] !== others[from + i]) return false;
  return true;
}
