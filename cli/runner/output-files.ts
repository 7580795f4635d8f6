/**
 * Where commands write their output: two files each, in a private directory.
 *
 * Files rather than pipes: `/dev/stdout` can be opened, a process left behind blocks nobody, and what it goes on writing
 * lands in a file that no later command uses. Files are used again only when it is proven that nobody has them open, be
 * they empty or not; others are replaced, and kept from growing while something left behind still writes to them. They
 * are opened for appending, so that an overlong one can be emptied while it is being written: its head stands in the filter
 * by then, and only its tail is still to come.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { filterOutput, OUTPUT_ENDS_BYTES, OutputFilter } from '../../core/output-filter.ts';
import { runnerPrefix } from '../../core/runner-ledger.ts';
import { type ByteString, shellQuote, toByteString } from './bytes.ts';

/** A file longer than this is read and emptied while its command runs. */
export const OUTPUT_FILE_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const UNPROVEN_MAX = 128;
const FIRST_BYTE = Buffer.alloc(1);
/** A file that nobody wrote to for so long after its command is let go. */
const QUIET_MS = 10_000;
const RETIRED_MAX = 256;

class OutputFile {
  readonly path: string;
  readonly fd: number;
  #filter: OutputFilter | null = null;

  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'wx+', 0o600);
  }

  get used(): boolean {
    // A byte is read in a third of the time in which the size is told.
    return this.#filter !== null || readSync(this.fd, FIRST_BYTE, 0, 1, 0) > 0;
  }

  /** Empties a file that has grown too long, keeping what matters of it. */
  shorten(bytesMax: number): void {
    if (fstatSync(this.fd).size <= bytesMax) return;
    this.#filter ??= new OutputFilter();
    this.#drain(this.#filter);
    ftruncateSync(this.fd, 0);
  }

  finish(): Uint8Array {
    if (!this.used) return new Uint8Array(0);
    const filter = this.#filter ?? new OutputFilter();
    this.#drain(filter);
    this.#filter = filter;
    return filter.finish();
  }

  /** The last bytes so far, as they are. */
  tail(): Uint8Array {
    const { size } = fstatSync(this.fd);
    if (size === 0) return new Uint8Array(0);
    const bytes = Buffer.alloc(Math.min(size, OUTPUT_ENDS_BYTES));
    const length = readSync(this.fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, length);
  }

  #drain(filter: OutputFilter): void {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; ; ) {
      const length = readSync(this.fd, chunk, 0, CHUNK_BYTES, at);
      if (length === 0) return;
      filter.write(chunk.subarray(0, length));
      at += length;
    }
  }

  empty(): void {
    if (this.used) ftruncateSync(this.fd, 0);
    this.#filter = null;
  }

  /** Its name goes; what was left behind may go on writing. */
  unlink(): void {
    unlinkSync(this.path);
  }

  /** Takes back what was written since. @returns whether something was */
  keepEmpty(): boolean {
    if (fstatSync(this.fd).size === 0) return false;
    ftruncateSync(this.fd, 0);
    return true;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The two files of one command. */
export class OutputPair {
  readonly #out: OutputFile;
  readonly #err: OutputFile;
  /** Quoted for the shell. */
  readonly outPath: ByteString;
  readonly errPath: ByteString;

  constructor(directory: string, name: string) {
    this.#out = new OutputFile(join(directory, `${name}.o`));
    this.#err = new OutputFile(join(directory, `${name}.e`));
    this.outPath = shellQuote(toByteString(this.#out.path));
    this.errPath = shellQuote(toByteString(this.#err.path));
  }

  get used(): boolean {
    return this.#out.used || this.#err.used;
  }

  shorten(bytesMax = OUTPUT_FILE_BYTES_MAX): void {
    this.#out.shorten(bytesMax);
    this.#err.shorten(bytesMax);
  }

  /** Head and tail of each, filtered. Once only. */
  finish(): { readonly stdout: Uint8Array; readonly stderr: Uint8Array } {
    return { stdout: this.#out.finish(), stderr: this.#err.finish() };
  }

  /** The end of each as it is by now, filtered. */
  tails(): { readonly stdout: Uint8Array; readonly stderr: Uint8Array } {
    return { stdout: filterOutput(this.#out.tail()), stderr: filterOutput(this.#err.tail()) };
  }

  empty(): void {
    this.#out.empty();
    this.#err.empty();
  }

  isOneOf(paths: readonly string[]): boolean {
    return paths.includes(this.#out.path) || paths.includes(this.#err.path);
  }

  unlink(): void {
    this.#out.unlink();
    this.#err.unlink();
  }

  /** @returns whether something was written since the last time */
  keepEmpty(): boolean {
    const out = this.#out.keepEmpty();
    return this.#err.keepEmpty() || out;
  }

  close(): void {
    this.#out.close();
    this.#err.close();
  }
}

/** All pairs of one runner. */
export class OutputFiles {
  readonly directory: string;
  readonly #spare: OutputPair[] = [];
  #unproven: OutputPair[] = [];
  /** Without a name, and still open, so that a process left behind cannot fill the disk unseen. */
  #retired: { readonly pair: OutputPair; quietSinceMs: number }[] = [];
  readonly #now: () => number;
  #made = 0;

  /** @param parent - an existing directory, e.g. /tmp */
  constructor(parent: string, now: () => number = Date.now) {
    this.#now = now;
    // Its true path is what the system says of a process that has one of the files open.
    this.directory = realpathSync(mkdtempSync(join(parent, `${ownPrefix()}${process.pid}-`)));
  }

  take(): OutputPair {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    this.#made += 1;
    return new OutputPair(this.directory, String(this.#made));
  }

  /**
   * Takes a pair back when its command has ended and its output was read.
   * @param keep - commands are short, and many: it is worth proving that nobody writes to it any more
   */
  give(pair: OutputPair, keep: boolean): void {
    if (keep && this.#unproven.length < UNPROVEN_MAX) this.#unproven.push(pair);
    else this.#retire(pair);
  }

  #retire(pair: OutputPair): void {
    pair.unlink();
    pair.keepEmpty();
    this.#retired.push({ pair, quietSinceMs: this.#now() });
    if (this.#retired.length > RETIRED_MAX) this.#retired.shift()?.pair.close();
  }

  /** To be called now and then: keeps files small that processes left behind write to. */
  tick(): void {
    const nowMs = this.#now();
    this.#retired = this.#retired.filter((retired) => {
      if (retired.pair.keepEmpty()) retired.quietSinceMs = nowMs;
      if (nowMs - retired.quietSinceMs < QUIET_MS) return true;
      retired.pair.close();
      return false;
    });
  }

  /** Pairs that wait to be proven unused. */
  get unproven(): number {
    return this.#unproven.length;
  }

  /** @param inUse - outputs of processes that may have come of our commands */
  prove(inUse: readonly string[]): void {
    for (const pair of this.#unproven.splice(0)) {
      if (pair.isOneOf(inUse)) {
        this.#retire(pair);
        continue;
      }
      pair.empty();
      this.#spare.push(pair);
    }
  }

  /** No more short commands: what is not proven is replaced. */
  dropUnproven(): void {
    for (const pair of this.#unproven.splice(0)) this.#retire(pair);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the names of private directories of this host's runners begin with. */
export function ownPrefix(): string {
  let namespace = '';
  try {
    namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    namespace = 'none';
  }
  return runnerPrefix(hostname(), namespace);
}
