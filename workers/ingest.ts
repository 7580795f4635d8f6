/** The task *ingest*: bytes of a command file to a packed segment of jobs with their keys. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { KEY_BYTES } from '../core/identity.ts';
import { LineReader, type LineTemplate } from '../core/job-line.ts';
import type { JobOptions } from '../core/job-options.ts';
import { UnknownMembers } from '../core/json-values.ts';
import { LinkBuilder } from '../core/link-builder.ts';
import { packSegment } from '../core/segment-pack.ts';
import type { IngestResult } from './ingest-result.ts';
import { takeMixedLines } from './mixed-lines.ts';
import { takePlainLines } from './plain-lines.ts';
import { nameReqGroups } from './req-groups.ts';
import type { TakenLines } from './taken-lines.ts';

const TAB = 9;
const LF = 10;
const CR = 13;

export interface IngestTask {
  /** Whole lines, or one long line; the last may lack its end. List the buffer in `transferList`. */
  readonly bytes: Uint8Array;
  /** Nothing else stands in their buffer that is still needed. */
  readonly isMovable?: boolean;
  /** What a line that says nothing gets. */
  readonly defaults: JobOptions;
  /** What `"bsub_mode": true` means; default `production`. */
  readonly deployment?: string;
  /** Tell the line of each command. */
  readonly wantLines?: boolean;
  /** What follows the command in identities of jobs with mounts or in containers, as far as such jobs are known. */
  readonly frames?: readonly string[];
}

/** Takes in a frame. A bad line is a result, not an exception. Of the file system it reads the cloud scripts that lines name. */
export function ingest(task: IngestTask): IngestResult {
  const bytes = Buffer.from(task.bytes.buffer, task.bytes.byteOffset, task.bytes.byteLength);
  const unknown = new UnknownMembers();
  const reader = new LineReader(task.defaults, {
    deployment: task.deployment ?? 'production',
    readText,
    unknown,
  });
  const plain = takePlainLines(bytes, reader.defaultIdentity);
  const makeLinks = (): LinkBuilder => new LinkBuilder(task.frames);
  const parts =
    plain === null
      ? takeMixedLines(bytes, reader, makeLinks, unknown)
      : [{ taken: plain, links: plainLinks(plain, reader, makeLinks()) }];
  const results = parts.map(({ taken, links }): IngestResult => {
    if (taken.error !== null || taken.count === 0) return withoutCommands(taken);
    const lineNumbers = task.wantLines ? linesOfCommands(bytes.subarray(taken.from, taken.to)) : null;
    const { templates } = reader;
    const used = parts.length > 1 ? usedOnly(taken, templates) : templates;
    return { ...pack(taken, used, links), lineNumbers };
  });
  const rest = parts.flatMap(({ taken: { array } }, at) =>
    array === null
      ? []
      : [{ array: { ...array, frames: task.frames ?? [] }, behind: results[at] as IngestResult }],
  );
  return { ...(results[0] as IngestResult), unknownMembers: unknown.members, rest };
}

/** Plain commands have one template, and what it says they all wait for. */
function plainLinks(taken: TakenLines, reader: LineReader, links: LinkBuilder): LinkBuilder {
  if (taken.count > 0) links.add(0, taken.count, reader.plain().options);
  return links;
}

/** Of the templates of a whole frame, those that a part of it uses; its index is changed to count within them. */
function usedOnly(taken: TakenLines, templates: readonly LineTemplate[]): readonly LineTemplate[] {
  const index = taken.templateIndex?.subarray(0, taken.count) ?? Uint32Array.of(0);
  const used = [...new Set(index)];
  const places = new Map(used.map((template, at) => [template, at]));
  taken.templateIndex = used.length === 1 ? null : index.map((template) => places.get(template) as number);
  return used.map((index) => templates[index] as LineTemplate);
}

function pack(
  taken: TakenLines,
  used: readonly LineTemplate[],
  links: LinkBuilder,
): Omit<IngestResult, 'lineNumbers'> {
  const { count } = taken;
  const { templates, templateIndex } = nameReqGroups(taken, used);
  const priorities = taken.priorities?.slice(0, count) ?? null;
  const { bytes, keys } = packSegment({
    count,
    templateIds: templates.map((_, at) => at),
    keys: new Uint8Array(taken.keys.buffer, taken.keys.byteOffset, KEY_BYTES * count),
    commandLengths: taken.commandLengths,
    commands: taken.commands.subarray(0, taken.commandBytes),
    templateIndex,
    priorities,
    deltas: taken.deltas?.packed(count) ?? null,
  });
  return {
    count,
    lines: taken.lines,
    keys,
    segment: bytes,
    templates,
    templateIndex: templateIndex?.slice(0, count) ?? null,
    priorities,
    hasDelta: taken.deltas !== null,
    links: links.take(),
    usedDefaultRepGroup: taken.usedDefaultRepGroup,
    unknownMembers: [],
    error: null,
    rest: [],
  };
}

function withoutCommands({ lines, error }: TakenLines): IngestResult {
  return {
    count: 0,
    lines,
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
    error: error === null ? null : { line: lines, message: error.message },
    rest: [],
  };
}

/** Lines that hold a command: their first column is not empty. */
function linesOfCommands(bytes: Buffer): Uint32Array<ArrayBuffer> {
  const lines: number[] = [];
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const found = bytes.indexOf(LF, start);
    const end = found < 0 ? bytes.length : found;
    const isBlank = end === start || bytes[start] === TAB || (bytes[start] === CR && end === start + 1);
    if (!isBlank) lines.push(line);
    start = end + 1;
  }
  return Uint32Array.from(lines);
}

/** Scripts go into templates, which every manager keeps in memory. */
const SCRIPT_BYTES_MAX = 1024 * 1024;

function readText(path: string): string {
  const text = readFileSync(path.startsWith('~/') ? homedir() + path.slice(1) : path, 'utf8');
  if (text.length > SCRIPT_BYTES_MAX) throw new Error(`it is larger than ${SCRIPT_BYTES_MAX} bytes`);
  return text;
}

/** Moves the result's buffers to the thread that asked. */
export default function ingestTask(task: IngestTask): ReturnType<typeof move> {
  const result = ingest(task);
  const views = [result, ...result.rest.map(({ behind }) => behind)].flatMap((part) => [
    part.segment,
    part.templateIndex,
    part.priorities,
    part.lineNumbers,
    ...(part.links === null ? [] : Object.values(part.links)),
  ]);
  return move({
    [transferableSymbol]: views.flatMap((view) => (view === null ? [] : [view.buffer])),
    [valueSymbol]: result,
  });
}
