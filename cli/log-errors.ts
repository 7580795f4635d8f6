/** What the manager's log says went wrong since its last start (spec: manager.md §11, since-0.36.md §3.1). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type ErrorCode, isErrorCode } from '../core/errors.ts';

/** The message that every start writes once all is well. */
const START = /\bwr manager \S+ started on\b/;
const NO_START = /^wr manager cannot start: /;
const BAD_LEVEL = /\blvl=(?:eror|crit)\b/;
const LINES_MAX = 100;
/** So much of the end of a log is looked at. */
const TAIL_BYTES = 4 * 1024 * 1024;

/** @returns lines at level error or critical, oldest first; the rotated logs count too while no start is found */
export async function errorsSinceStart(logFile: string): Promise<readonly string[]> {
  let errors: string[] = [];
  for (const path of [logFile, ...rotatedFiles(logFile)]) {
    const lines = (await readTail(path)).split('\n');
    const start = lines.findLastIndex((line) => START.test(line));
    errors = [...lines.slice(start + 1).filter((line) => BAD_LEVEL.test(line)), ...errors];
    if (start >= 0) break;
  }
  return errors.slice(-LINES_MAX);
}

/** Lines at level error or critical, and such as are no log lines at all, behind a position in the log. */
export function complaintsFrom(logFile: string, offset: number): readonly string[] {
  try {
    const lines = readFileSync(logFile).subarray(offset).toString('utf8').split('\n');
    return lines
      .filter((line) => line !== '' && (BAD_LEVEL.test(line) || !line.startsWith('t=')))
      .slice(0, LINES_MAX);
  } catch {
    return [];
  }
}

/** What a manager that had to end, or could not start, said last. @param errors - since its last start */
export function lastWordsOf(errors: readonly string[]): string | null {
  const line = errors.findLast((each) => each.includes('lvl=crit')) ?? '';
  return quotedField(line, 'msg') ?? null;
}

/** What a manager that could not start said last, as the error it was. */
export function causeOf(
  complaints: readonly string[],
): { readonly code: ErrorCode; readonly message: string; readonly hint?: string } | null {
  const line = complaints.findLast((each) => each.includes('lvl=crit')) ?? '';
  const message = quotedField(line, 'msg')?.replace(NO_START, '');
  if (message === undefined) return null;
  const code = /\bcode=(\w+)/.exec(line)?.[1];
  const hint = quotedField(line, 'hint');
  return {
    code: isErrorCode(code) ? code : 'CANNOT_START',
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** `undefined`: it is not there, or its escapes are not JSON's; the line itself was printed. */
function quotedField(line: string, name: string): string | undefined {
  const quoted = new RegExp(`\\b${name}=("(?:[^"\\\\]|\\\\.)*")`).exec(line)?.[1];
  try {
    return quoted === undefined ? undefined : String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Newest first: their names carry the time. */
function rotatedFiles(logFile: string): string[] {
  const directory = dirname(logFile);
  const start = `${basename(logFile)}-`;
  try {
    const names = readdirSync(directory).filter((name) => name.startsWith(start));
    return names
      .sort()
      .reverse()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

async function readTail(path: string): Promise<string> {
  try {
    let bytes: Buffer = readFileSync(path);
    if (path.endsWith('.gz')) bytes = (await import('node:zlib')).gunzipSync(bytes);
    return bytes.subarray(-TAIL_BYTES).toString('utf8');
  } catch {
    return ''; // It was rotated away just now, or is damaged: nothing can be said of it.
  }
}
