/**
 * The file a log goes to: appended, rotated by size, old ones compressed and removed (since-0.36.md §3.1).
 *
 * ```
 * log ──too large──► log-2024-05-01T10-11-12.345 ──in the background──► log-2024-05-01T10-11-12.345.gz
 * ```
 * Nothing here throws: a manager whose disk is full goes on working. What could not be written is counted, and said once
 * it works again.
 */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const MB = 1024 * 1024;
const DAY_MS = 86_400_000;
const MODE = 0o644;
const STAMP = /^-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})(\.gz)?(\.part)?$/;

export interface LogFileOptions {
  readonly path: string;
  /** A file that would become larger is rotated; 0: never. */
  readonly maxSizeMb: number;
  /** Rotated files kept; 0: all. */
  readonly maxBackups: number;
  /** Rotated files older than this go; 0: never. */
  readonly maxAgeDays: number;
  readonly compress: boolean;
  readonly nowMs: () => number;
}

export class LogFile {
  readonly #options: LogFileOptions;
  #file: number | undefined;
  #bytes = 0;
  #lost = 0;
  /** The last line written may lack its end. */
  #torn = false;
  #tidying: Promise<void> = Promise.resolve();

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#open();
  }

  /**
   * Appends lines, in one write.
   * @param lostLine - makes the line that tells how many were lost before
   */
  append(text: string, lines: number, lostLine: (lost: number) => string): void {
    const bytes = Buffer.from(
      `${this.#torn ? '\n' : ''}${this.#lost === 0 ? '' : lostLine(this.#lost)}${text}`,
    );
    try {
      this.#rotateIfFull(bytes.length);
      if (this.#file === undefined && !this.#open()) throw new Error('there is no file');
      this.#write(bytes);
      this.#lost = 0;
      this.#torn = false;
    } catch {
      this.#lost += lines;
    }
  }

  async close(): Promise<void> {
    this.#shut();
    await this.#tidying;
  }

  #open(): boolean {
    try {
      this.#file = openSync(this.#options.path, 'a', MODE);
      this.#bytes = fstatSync(this.#file).size;
    } catch {
      this.#shut(); // The next line tries again.
    }
    return this.#file !== undefined;
  }

  #write(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#file as number, bytes, written);
      this.#torn = true;
    }
    this.#bytes += bytes.length;
  }

  #shut(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      closeSync(file);
    } catch {
      // Closed is closed; what a network disk has to say about it comes too late.
    }
  }

  #rotateIfFull(more: number): void {
    const { path, maxSizeMb, nowMs } = this.#options;
    if (maxSizeMb === 0 || this.#bytes === 0 || this.#bytes + more <= maxSizeMb * MB) return;
    this.#shut();
    try {
      renameSync(path, `${path}-${stampOf(nowMs())}`);
      this.#tidying = this.#tidying.then(() => this.#tidy()).catch(() => undefined);
    } finally {
      // Where it cannot be moved the old file goes on: rather a large log than none.
      this.#open();
    }
  }

  /** Oldest go first; compressing follows, as it may need the room. */
  async #tidy(): Promise<void> {
    const { path, maxBackups, maxAgeDays, compress, nowMs } = this.#options;
    const rotated = rotatedFiles(path).toReversed();
    const oldest = maxAgeDays === 0 ? '' : stampOf(nowMs() - maxAgeDays * DAY_MS);
    const count = maxBackups === 0 ? rotated.length : maxBackups;
    for (const [index, { file, stamp }] of rotated.entries()) {
      if (index >= count || stamp < oldest) rmSync(file, { force: true });
      else if (compress && !file.endsWith('.gz')) await gzip(file);
    }
  }
}

export interface RotatedFile {
  readonly file: string;
  readonly stamp: string;
}

/** Rotated files of a log, oldest first. */
export function rotatedFiles(path: string): readonly RotatedFile[] {
  const name = basename(path);
  const found: RotatedFile[] = [];
  for (const entry of readdirSync(dirname(path))) {
    if (!entry.startsWith(`${name}-`)) continue;
    const [, stamp, , part] = STAMP.exec(entry.slice(name.length)) ?? [];
    if (stamp !== undefined && part === undefined) found.push({ file: join(dirname(path), entry), stamp });
  }
  return found.sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
}

async function gzip(file: string): Promise<void> {
  const part = `${file}.gz.part`;
  try {
    await pipeline(createReadStream(file), createGzip(), createWriteStream(part, { mode: MODE }));
    renameSync(part, `${file}.gz`);
    rmSync(file, { force: true });
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** UTC, to the millisecond, in characters that every file system takes. */
function stampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, -1).replaceAll(':', '-');
}
