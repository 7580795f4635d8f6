/** A command file, or STDIN, as a source of bytes (spec: cli.md §2.1, the bad input). */
import { fstatSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { WrError } from '../core/errors.ts';
import type { Fill } from './line-chunks.ts';
import { refuseChanged } from './steady-file.ts';

/** What some editors put before a text: it is no part of its first command. */
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Of input that cannot be read twice so much is kept, so that an add can be repeated after a lost connection. */
export const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** How messages call what is piped in, or typed. */
export const STDIN_NAME = 'STDIN';

export interface CommandInput {
  /** How messages call it. */
  readonly name: string;
  /** `null`: unknown. */
  readonly size: number | null;
  readonly fill: Fill;
  /** Goes back to the beginning; false when that is not possible any more. */
  rewind(): boolean;
  close(): Promise<void>;
}

/**
 * @param path - `-` is STDIN
 * @throws {WrError} BAD_INPUT: missing, a directory, unreadable; while reading also: vanished
 */
export async function openInput(
  path: string,
  stdin: NodeJS.ReadStream = process.stdin,
): Promise<CommandInput> {
  if (path === '') throw new WrError('BAD_INPUT', '--file is empty', { hint: 'name a file, or - for STDIN' });
  if (path === '-') return withoutBom(fromStdin(stdin));
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const stats = await handle.stat();
  if (stats.isDirectory()) {
    await handle.close();
    throw new WrError('BAD_INPUT', `${path} is a directory, not a file of commands`, { hint: 'name a file' });
  }
  if (stats.isFile()) return withoutBom(fromFile(handle, path, stats));
  // A pipe by name: read like STDIN, as it may keep us waiting.
  return withoutBom(fromStream(handle.createReadStream(), path));
}

function withoutBom(input: CommandInput): CommandInput {
  let begun = false;
  const fill: Fill = async (buffer, offset) => {
    if (begun) return input.fill(buffer, offset);
    begun = true;
    let filled = 0;
    while (filled < BOM.byteLength) {
      const count = await input.fill(buffer, offset + filled);
      if (count === 0) return filled;
      filled += count;
    }
    if (!BOM.equals(buffer.subarray(offset, offset + BOM.byteLength))) return filled;
    buffer.copyWithin(offset, offset + BOM.byteLength, offset + filled);
    const rest = filled - BOM.byteLength;
    return rest > 0 ? rest : input.fill(buffer, offset);
  };
  const rewind = (): boolean => {
    begun = false;
    return input.rewind();
  };
  return { ...input, fill, rewind };
}

/** Bytes that are in memory already. */
export function inputOf(bytes: Uint8Array, name: string): CommandInput {
  let position = 0;
  return {
    name,
    size: bytes.byteLength,
    fill: async (buffer, offset) => {
      const part = bytes.subarray(position, position + buffer.byteLength - offset);
      buffer.set(part, offset);
      position += part.byteLength;
      return part.byteLength;
    },
    rewind: () => {
      position = 0;
      return true;
    },
    close: async () => undefined,
  };
}

function fromFile(handle: FileHandle, path: string, opened: Stats): CommandInput {
  let position = 0;
  return {
    name: path,
    size: opened.size,
    fill: async (buffer, offset) => {
      let count: number;
      try {
        count = (await handle.read(buffer, offset, buffer.byteLength - offset, position)).bytesRead;
      } catch (cause) {
        throw unreadable(path, cause);
      }
      position += count;
      if (count === 0) refuseChanged(path, opened, await handle.stat(), position);
      return count;
    },
    rewind: () => {
      position = 0;
      return true;
    },
    close: () => handle.close(),
  };
}

/** May be a file, read from wherever the shell left off. */
function fromStdin(stdin: NodeJS.ReadStream): CommandInput {
  const input = fromStream(stdin, STDIN_NAME);
  const { fd } = stdin as { readonly fd?: number };
  const opened = fd === undefined ? undefined : fstatSync(fd);
  if (fd === undefined || opened?.isFile() !== true) return input;
  const fill: Fill = async (buffer, offset) => {
    const count = await input.fill(buffer, offset);
    if (count === 0) refuseChanged(STDIN_NAME, opened, fstatSync(fd));
    return count;
  };
  return { ...input, fill };
}

function fromStream(stream: NodeJS.ReadableStream, name: string): CommandInput {
  const chunks = stream[Symbol.asyncIterator]();
  let kept: Buffer[] | null = [];
  let keptBytes = 0;
  /** What is to be read before the stream itself. */
  let ahead: Buffer[] = [];
  const next = async (): Promise<Buffer | null> => {
    const waiting = ahead.shift();
    if (waiting !== undefined) return waiting;
    let result: IteratorResult<string | Buffer>;
    try {
      result = await chunks.next();
    } catch (cause) {
      throw unreadable(name, cause);
    }
    if (result.done === true) return null;
    const bytes = Buffer.from(result.value);
    keptBytes += bytes.byteLength;
    if (keptBytes > KEPT_BYTES_MAX) kept = null;
    kept?.push(bytes);
    return bytes;
  };
  return {
    name,
    size: null,
    fill: async (buffer, offset) => {
      let bytes = await next();
      while (bytes?.byteLength === 0) bytes = await next();
      if (bytes === null) return 0;
      const count = bytes.copy(buffer, offset);
      if (count < bytes.byteLength) ahead.unshift(bytes.subarray(count));
      return count;
    },
    rewind: () => {
      if (kept === null) return false;
      ahead = [...kept];
      return true;
    },
    close: async () => {
      await chunks.return?.();
    },
  };
}

function unreadable(path: string, cause: unknown): WrError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'EACCES'
        ? 'may not be read by you'
        : code === 'EISDIR'
          ? 'is a directory, not a file of commands'
          : `cannot be read: ${message}`;
  return new WrError('BAD_INPUT', `${path} ${why}`, { cause });
}
