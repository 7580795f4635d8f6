/** Reads a command file line by line for its commands, as `wr add` would (spec: cli.md §2.1). */
import { eachIndex } from '../core/array-indexes.ts';
import { ArrayCommands, arrayPattern } from '../core/array-pattern.ts';
import { asWrError, WrError } from '../core/errors.ts';
import { type LineOptions, LineReader, lineOptions } from '../core/job-line.ts';
import type { JobOptions } from '../core/job-options.ts';
import { UnknownMembers } from '../core/json-values.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import type { CommandInput } from './command-input.ts';
import { lineChunks } from './line-chunks.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const BRACE = 123;
const CHUNK_BYTES = 256 * 1024;

/** Called for each command with what it was, or would be, added with. */
type Take = (cmd: Uint8Array | string, options: JobOptions) => void;

/** @param take - called for each command with what it was, or would be, added with */
export async function readKeys(
  input: CommandInput,
  defaults: JobOptions,
  deployment: string,
  take: Take,
): Promise<void> {
  // Scripts do not belong to what identifies a command: they are not read.
  const reader = new LineReader(defaults, { deployment, readText: () => '', unknown: new UnknownMembers() });
  let number = 0;
  await forEachLine(input, (line) => {
    number += 1;
    try {
      takeLine(reader, line, take);
    } catch (thrown) {
      const error = asWrError(thrown);
      throw new WrError('BAD_LINE', `${input.name}: line ${number}: ${error.message}`, {
        cause: thrown,
        hint: 'correct that line',
      });
    }
  });
}

function takeLine(reader: LineReader, line: Uint8Array, take: Take): void {
  const tab = line.indexOf(TAB);
  const first = tab < 0 ? line : line.subarray(0, tab);
  if (first.byteLength === 0) return;
  if (tab >= 0) {
    const second = line.subarray(tab + 1);
    if (second.includes(TAB))
      throw new WrError('BAD_LINE', 'there are more than two columns (TABs separate them)');
    const options = second.byteLength === 0 ? null : reader.options(textOf(second));
    if (options === null) take(first, reader.plain().options);
    else takeCommands(first, options, take);
  } else if (first[0] === BRACE) {
    const job = reader.job(textOf(first));
    takeCommands(job.cmd, job, take);
  } else {
    take(first, reader.plain().options);
  }
}

/** A line's command, or each of an array's. */
function takeCommands(cmd: Uint8Array | string, options: LineOptions, take: Take): void {
  const whole = lineOptions(options);
  if (options.array === null) {
    take(cmd, whole);
    return;
  }
  const commands = new ArrayCommands(arrayPattern(typeof cmd === 'string' ? Buffer.from(cmd) : cmd));
  for (const index of eachIndex(options.array)) take(commands.command(index), whole);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

async function forEachLine(input: CommandInput, take: (line: Uint8Array) => void): Promise<void> {
  let partial: Buffer[] = [];
  let partialBytes = 0;
  for await (const { bytes, more } of lineChunks(input.fill, CHUNK_BYTES)) {
    if (more || partial.length > 0) {
      partial.push(Buffer.from(bytes));
      partialBytes += bytes.byteLength;
      if (partialBytes > 2 * LINE_BYTES_MAX)
        throw new WrError('BAD_LINE', `${input.name}: a line is longer than 4 MiB`);
      if (more) continue;
    }
    const whole = partial.length > 0 ? Buffer.concat(partial) : bytes;
    partial = [];
    partialBytes = 0;
    splitLines(whole, take);
  }
}

function splitLines(bytes: Uint8Array, take: (line: Uint8Array) => void): void {
  for (let at = 0; at < bytes.byteLength; ) {
    const end = bytes.indexOf(LF, at);
    const stop = end < 0 ? bytes.byteLength : end;
    take(bytes.subarray(at, stop > at && bytes[stop - 1] === CR ? stop - 1 : stop));
    at = stop + 1;
  }
}
