/** One add on its way in: what came of it so far, in input order. */
import type { AddBegin, AddEnd } from '../core/client-requests.ts';
import { closestOf } from '../core/closest.ts';
import type { WrError } from '../core/errors.ts';
import { LINE_MEMBERS } from '../core/job-line.ts';
import type { JobOptions } from '../core/job-options.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { filterSegment, setTemplateIds } from '../core/segment.ts';
import type { Template } from '../core/templates.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import type { AddPart } from './add-part.ts';
import type { UnfoldedResult } from './array-parts.ts';
import type { DryRun } from './dry-run.ts';
import type { Peer } from './peer.ts';

/** What came of a frame so far. */
export interface ParsedFrame {
  /** In input order, and not taken in yet: one, and those of its arrays. */
  readonly results: UnfoldedResult[];
  /** There will be no further ones. */
  done: boolean;
}

export class Upload {
  readonly peer: Peer;
  readonly begin: AddBegin;
  /** What a line that says nothing gets. */
  readonly defaults: JobOptions;
  /** When the add is only tried. */
  readonly dry: DryRun | undefined;
  /** What the add needs may leave memory from now on. */
  readonly leave: () => void;
  readonly parts: AddPart[] = [];
  /** Results of frames by sequence number, until those before them are taken in. */
  readonly parsed = new Map<number, ParsedFrame>();
  readonly warnings = new Set<string>();
  /** Report groups of its commands. */
  readonly repGroups = new Set<number>();
  /** Burials at which report groups stop, as its commands say. */
  readonly maxFails = new Map<number, number>();
  /** Limits of limit groups that its commands set. */
  readonly limits = new Map<string, number>();
  readonly stagings: Promise<void>[] = [];
  /** Of an add that is only tried: all that was taken in so far is judged. */
  tried: Promise<void> = Promise.resolve();
  received = 0;
  nextSeq = 0;
  commands = 0;
  usedDefaultRepGroup = false;
  end: AddEnd | undefined;
  refused: WrError | undefined;
  /** Its last frame is in: it can no longer be abandoned. */
  finishing = false;
  /** All of it is on disk: nothing of it may be dropped any more. */
  isStored = false;
  /** Input lines in the frames taken in: what line numbers in errors count from. */
  #lines = 0;
  /** JSON members that mean nothing, each with its first line. */
  readonly #unknown = new Map<string, number>();
  /** A line that goes on in the next frame. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;

  constructor(peer: Peer, begin: AddBegin, envId: string, leave: () => void, dry?: DryRun) {
    this.peer = peer;
    this.dry = dry;
    this.begin = begin;
    this.defaults = { ...begin.defaults, envId };
    this.leave = leave;
  }

  /**
   * Puts the parts of a long line together.
   * @returns bytes to be parsed; `null` while their last line goes on; `too long` when it goes on for ever
   */
  join(bytes: Uint8Array, more: boolean): Uint8Array | 'too long' | null {
    if (!more && this.#partialBytes === 0) return bytes;
    this.#partial.push(bytes);
    this.#partialBytes += bytes.byteLength;
    if (more && this.#partialBytes <= LONG_LINE_BYTES_MAX) return null;
    const whole = Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    return more ? 'too long' : whole;
  }

  /**
   * Takes in the next result.
   * @returns the message for its bad line, with the line's number in the whole input; `null` when it has none
   */
  fault(result: IngestResult): string | null {
    for (const { name, line } of result.unknownMembers) this.#noteUnknown(name, this.#lines + line);
    if (result.error !== null) return `line ${this.#lines + result.error.line}: ${result.error.message}`;
    this.#lines += result.lines;
    return null;
  }

  /** Each name once, at the line where it stands first. */
  #noteUnknown(name: string, line: number): void {
    if (this.#unknown.has(name) || this.#unknown.size === UNKNOWN_MAX) return;
    this.#unknown.set(name, line);
    const closest = closestOf(name.toLowerCase(), LINE_MEMBERS);
    const meant = closest === null ? '' : `; did you mean ${closest}?`;
    this.warnings.add(`line ${line}: unknown option "${name}" is ignored${meant}`);
  }

  /** The jobs of a result to an add that is only tried. @returns resolves when they are judged */
  async tryOut(result: IngestResult): Promise<void> {
    await this.dry?.take(result, this.#count(result), this.#lines - result.lines);
  }

  /** `--head` wants no more. */
  get isFull(): boolean {
    return this.begin.head > 0 && this.commands >= this.begin.head;
  }

  /** Counts the jobs of a result, as far as `--head` wants them. @returns how many that are */
  #count(result: IngestResult): number {
    const { head } = this.begin;
    const wanted = head === 0 ? result.count : Math.min(result.count, head - this.commands);
    if (wanted > 0) this.usedDefaultRepGroup ||= result.usedDefaultRepGroup;
    this.commands += wanted;
    return wanted;
  }

  /**
   * The jobs of a result as a part of the add, cut off where `--head` says.
   * @returns `null` when none of them is wanted
   */
  part(result: UnfoldedResult, templates: readonly Template[], segment: number): AddPart | null {
    const wanted = this.#count(result);
    if (wanted === 0) return null;
    // Ids were local to the frame.
    setTemplateIds(
      result.segment,
      templates.map((template) => template.id),
    );
    const { segment: bytes, keys, templateIndex, priorities, links, array = null } = result;
    const part = {
      segment,
      bytes,
      keys,
      templates,
      templateIndex,
      priorities,
      links,
      inHistory: null,
      array,
    };
    if (wanted === result.count) return part;
    return {
      ...part,
      bytes: filterSegment(bytes, new Uint8Array(result.count).fill(1, 0, wanted)),
      keys: keys.subarray(0, wanted * 16),
      templateIndex: templateIndex?.subarray(0, wanted) ?? null,
      priorities: priorities?.subarray(0, wanted) ?? null,
    };
  }
}

/** Unknown members that an add is warned of. */
const UNKNOWN_MAX = 20;
/** Beyond the longest line, so that the parser is the one to name it; then no more is kept. */
const LONG_LINE_BYTES_MAX = LINE_BYTES_MAX + 1024 * 1024;

/** Of bytes that are not parsed: a line goes on, or for ever. */
export function unparsed(tooLong: boolean): IngestResult {
  const error = tooLong
    ? { line: 1, message: `the line is longer than ${LINE_BYTES_MAX / 1024 / 1024} MiB` }
    : null;
  return { ...NOTHING, error };
}

const NOTHING: IngestResult = {
  count: 0,
  lines: 0,
  keys: new Uint8Array(0),
  segment: new Uint8Array(0),
  templates: [],
  templateIndex: null,
  priorities: null,
  lineNumbers: null,
  hasDelta: false,
  links: null,
  usedDefaultRepGroup: false,
  unknownMembers: [],
  error: null,
  rest: [],
};
