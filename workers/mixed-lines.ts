/** The walk over a frame with JSON, TABs, CRs or bad lines in it: every line for itself. */
import { isAscii, isUtf8 } from 'node:buffer';
import { WrError } from '../core/errors.ts';
import type { LineOptions, LineReader, LineTemplate } from '../core/job-line.ts';
import type { JobDelta, JobOptions } from '../core/job-options.ts';
import type { UnknownMembers } from '../core/json-values.ts';
import type { LinkBuilder } from '../core/link-builder.ts';
import { DIGEST_WORDS, Md5Text } from '../core/md5.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { deltaJson } from '../core/template.ts';
import { arrayLine } from './array-line.ts';
import { ShapedLines } from './shaped-lines.ts';
import { deltasOf, makeRoom, type TakenLines, takeBehind, takeCommand, takeNothing } from './taken-lines.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const BRACE = 0x7b;

/** Lines between two arrays, or all of a frame, and what their commands wait for and belong to. */
export interface MixedPart {
  readonly taken: TakenLines;
  readonly links: LinkBuilder;
}

/**
 * @param makeLinks - an empty one
 * @param unknown - what `reader` notes unknown members in
 * @returns at least one; each further one begins with the line of an array
 */
export function takeMixedLines(
  bytes: Buffer,
  reader: LineReader,
  makeLinks: () => LinkBuilder,
  unknown: UnknownMembers,
): readonly MixedPart[] {
  const walk = new MixedWalk(bytes, reader, makeLinks, unknown);
  try {
    walk.run();
  } catch (thrown) {
    if (!(thrown instanceof WrError)) throw thrown;
    walk.taken.error = thrown;
  }
  return [...walk.before, { taken: walk.taken, links: walk.links }];
}

class MixedWalk {
  /** Since the last array. */
  taken: TakenLines;
  links: LinkBuilder;
  /** Up to each array. */
  readonly before: MixedPart[] = [];
  #line = 0;
  readonly #bytes: Buffer;
  readonly #reader: LineReader;
  readonly #unknown: UnknownMembers;
  readonly #makeLinks: () => LinkBuilder;
  readonly #isAscii: boolean;
  readonly #identity = new Md5Text();
  readonly #shaped: ShapedLines;

  constructor(bytes: Buffer, reader: LineReader, makeLinks: () => LinkBuilder, unknown: UnknownMembers) {
    this.#makeLinks = makeLinks;
    this.links = makeLinks();
    this.#bytes = bytes;
    this.#reader = reader;
    this.#shaped = new ShapedLines(bytes, reader.defaults);
    this.#unknown = unknown;
    this.#isAscii = isAscii(bytes);
    this.taken = takeNothing(bytes);
  }

  run(): void {
    const bytes = this.#bytes;
    // Looked for ahead, and again only once passed: looking in every line would read the whole frame for each.
    let tab = next(bytes, TAB, 0);
    const nul = next(bytes, 0, 0);
    let start = 0;
    while (start < bytes.length) {
      this.taken.lines += 1;
      this.#line += 1;
      const shapedEnd = bytes[start] === BRACE ? this.#shaped.take(start, this.taken, this.links) : -1;
      if (shapedEnd >= 0) {
        start = shapedEnd + 1;
        continue;
      }
      const lineEnd = next(bytes, LF, start);
      this.#unknown.line = this.#line;
      if (lineEnd - start > LINE_BYTES_MAX) throw bad(`it is longer than ${LINE_BYTES_MAX} bytes`);
      if (nul < lineEnd) throw bad('it holds a NUL byte, which no command can have');
      const end = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
      if (tab < start) tab = next(bytes, TAB, start);
      if (end > start && tab !== start) this.#takeLine(start, end, tab);
      start = lineEnd + 1;
    }
  }

  /** @param tab - where the next TAB is, in this line or behind it */
  #takeLine(start: number, end: number, tab: number): void {
    if (tab < end) {
      if (next(this.#bytes, TAB, tab + 1) < end) {
        throw bad('it has more than two columns; a line is a command, or a command, a TAB and a JSON object');
      }
      const options = this.#reader.options(this.#json(tab + 1, end));
      if (options.array === null) this.#takeBytes(start, tab, options);
      else this.#takeArray(new Uint8Array(this.#bytes.subarray(start, tab)), options, start, end);
    } else if (this.#bytes[start] === BRACE) {
      const job = this.#reader.job(this.#json(start, end));
      if (job.array === null) {
        this.#takeText(job.cmd, job);
        this.#shaped.learn(start, end, job);
      } else {
        this.#takeArray(new Uint8Array(Buffer.from(job.cmd)), job, start, end);
      }
    } else {
      this.#takeBytes(start, end, null);
    }
  }

  /** An array has segments of its own: what follows is taken apart from what came before. */
  #takeArray(cmd: Uint8Array, options: LineOptions, start: number, end: number): void {
    const { taken, links } = this;
    this.taken = takeBehind(taken, arrayLine(cmd, options), end);
    this.links = this.#makeLinks();
    taken.lines -= 1;
    taken.to = start;
    this.before.push({ taken, links });
  }

  #json(start: number, end: number): string {
    if (this.#isAscii) return this.#bytes.toString('latin1', start, end);
    const bytes = this.#bytes.subarray(start, end);
    if (!isUtf8(bytes)) throw bad('its JSON is not valid UTF-8');
    return bytes.toString();
  }

  /** A command that stands in the line as it is. */
  #takeBytes(start: number, end: number, options: LineOptions | null): void {
    const { taken } = this;
    const template = options?.template ?? this.#reader.plain();
    this.#bytes.copy(taken.commands, taken.commandBytes, start, end);
    this.#identity.appendText(cwdBefore(template, options));
    this.#identity.append(this.#bytes, start, end);
    this.#take(end - start, template, options);
  }

  /** A command out of JSON. */
  #takeText(cmd: string, options: LineOptions): void {
    const { taken } = this;
    const length = taken.commands.write(cmd, taken.commandBytes);
    this.#identity.appendText(cwdBefore(options.template, options));
    this.#identity.append(taken.commands, taken.commandBytes, taken.commandBytes + length);
    this.#take(length, options.template, options);
  }

  /** The next command, which was copied and stands in `#identity`, behind what belongs there. */
  #take(length: number, template: LineTemplate, options: LineOptions | null): void {
    const { taken } = this;
    const at = taken.count;
    makeRoom(taken);
    this.#identity.appendText(template.identity.after);
    this.#identity.take(taken.keys, DIGEST_WORDS * at);
    takeCommand(taken, length, template, options?.priority ?? null);
    const delta = options?.delta ?? null;
    if (delta !== null) deltasOf(taken).set(at, deltaJson(delta));
    this.#takeLinks(at, template.options, delta);
    if (options === null || !options.gaveRepGroup) taken.usedDefaultRepGroup = true;
  }

  #takeLinks(at: number, template: JobOptions, delta: JobDelta | null): void {
    const depGroups = delta?.depGroups ?? template.depGroups;
    const deps = delta?.deps ?? template.deps;
    const cmdDeps = delta?.cmdDeps ?? template.cmdDeps;
    if (depGroups.length + deps.length + cmdDeps.length > 0)
      this.links.add(at, 1, { depGroups, deps, cmdDeps });
  }
}

/** What stands before the command in its identity: the job's own directory, when that matters. */
function cwdBefore(template: LineTemplate, options: LineOptions | null): string {
  const cwd = options?.delta?.cwd;
  return cwd !== undefined && template.options.cwdMatters ? `${cwd}.` : template.identity.before;
}

/** Where a byte stands next, or the end. */
function next(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

function bad(message: string): WrError {
  return new WrError('BAD_LINE', message);
}
