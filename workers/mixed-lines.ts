/** The walk over a frame with JSON, TABs, CRs or bad lines in it: every line for itself. */
import { isAscii, isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { WrError } from '../core/errors.ts';
import type { LineOptions, LineReader, LineTemplate } from '../core/job-line.ts';
import type { JobDelta, JobOptions } from '../core/job-options.ts';
import type { UnknownMembers } from '../core/json-values.ts';
import type { LinkBuilder } from '../core/link-builder.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { deltaJson } from '../core/template.ts';
import { arrayLine } from './array-part.ts';
import { type TakenLines, takeBehind, takeNothing } from './taken-lines.ts';

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
  /** A character a byte, so that places in it are places in the bytes. */
  readonly #text: string;
  readonly #isAscii: boolean;

  constructor(bytes: Buffer, reader: LineReader, makeLinks: () => LinkBuilder, unknown: UnknownMembers) {
    this.#makeLinks = makeLinks;
    this.links = makeLinks();
    this.#bytes = bytes;
    this.#reader = reader;
    this.#unknown = unknown;
    this.#text = bytes.toString('latin1');
    this.#isAscii = isAscii(bytes);
    this.taken = takeNothing(bytes.length);
  }

  run(): void {
    const text = this.#text;
    // Looked for ahead, and again only once passed: looking in every line would read the whole frame for each.
    let tab = next(text, '\t', 0);
    const nul = next(text, '\0', 0);
    let start = 0;
    while (start < text.length) {
      const lineEnd = next(text, '\n', start);
      this.taken.lines += 1;
      this.#line += 1;
      this.#unknown.line = this.#line;
      if (lineEnd - start > LINE_BYTES_MAX) throw bad(`it is longer than ${LINE_BYTES_MAX} bytes`);
      if (nul < lineEnd) throw bad('it holds a NUL byte, which no command can have');
      const end = lineEnd > start && text.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd;
      if (tab < start) tab = next(text, '\t', start);
      if (end > start && tab !== start) this.#takeLine(start, end, tab);
      start = lineEnd + 1;
    }
  }

  /** @param tab - where the next TAB is, in this line or behind it */
  #takeLine(start: number, end: number, tab: number): void {
    if (tab < end) {
      if (next(this.#text, '\t', tab + 1) < end) {
        throw bad('it has more than two columns; a line is a command, or a command, a TAB and a JSON object');
      }
      const options = this.#reader.options(this.#json(tab + 1, end));
      if (options.array === null) this.#takeBytes(start, tab, options);
      else this.#takeArray(new Uint8Array(this.#bytes.subarray(start, tab)), options, start, end);
    } else if (this.#text.charCodeAt(start) === BRACE) {
      const job = this.#reader.job(this.#json(start, end));
      if (job.array === null) this.#takeText(job.cmd, job);
      else this.#takeArray(new Uint8Array(Buffer.from(job.cmd)), job, start, end);
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
    if (this.#isAscii) return this.#text.substring(start, end);
    const bytes = this.#bytes.subarray(start, end);
    if (!isUtf8(bytes)) throw bad('its JSON is not valid UTF-8');
    return bytes.toString();
  }

  /** A command that stands in the line as it is. */
  #takeBytes(start: number, end: number, options: LineOptions | null): void {
    const template = options?.template ?? this.#reader.plain();
    const before = cwdBefore(template, options);
    const { after } = template.identity;
    const bytes = this.#bytes.subarray(start, end);
    const identity =
      this.#isAscii || isAscii(bytes)
        ? before + this.#text.substring(start, end) + after
        : Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
    this.#bytes.copy(this.taken.commands, this.taken.commandBytes, start, end);
    this.#take(hash('md5', identity, 'binary'), end - start, template, options);
  }

  /** A command out of JSON. */
  #takeText(cmd: string, options: LineOptions): void {
    const { template } = options;
    const length = this.taken.commands.write(cmd, this.taken.commandBytes);
    const identity = cwdBefore(template, options) + cmd + template.identity.after;
    const key = hash('md5', identity, 'binary');
    this.#take(key, length, template, options);
    this.links.remember(identity, key);
  }

  #take(key: string, length: number, template: LineTemplate, options: LineOptions | null): void {
    const { taken } = this;
    const at = taken.keys.length;
    taken.keys.push(key);
    taken.commandLengths.push(length);
    taken.commandBytes += length;
    // The optional columns begin with the first line that needs them, and are filled up with what went without.
    if (template.index > 0) taken.templateIndex ??= new Array<number>(at).fill(0);
    taken.templateIndex?.push(template.index);
    const priority = options?.priority ?? null;
    if (priority !== null) taken.priorities ??= new Array<number>(at).fill(template.options.priority);
    taken.priorities?.push(priority ?? template.options.priority);
    const delta = options?.delta ?? null;
    if (delta !== null) taken.deltas ??= new Array<string>(at).fill('');
    taken.deltas?.push(delta === null ? '' : deltaJson(delta));
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

/** Where a character stands next, or the end. */
function next(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}

function bad(message: string): WrError {
  return new WrError('BAD_LINE', message);
}
