/** What a launcher's shell says: lines in a file, read when its bell rings, or when someone wants to know. */
import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';

/** How a command ended. */
export interface LaunchEnd {
  /** As the shell has it: 128 + n may be a signal. */
  readonly status: number;
  /** The shell said that it was one. */
  readonly signalled: boolean;
  /** Its directory could not be entered; it was not started. */
  readonly noDirectory: boolean;
  /** What the shell said besides. */
  readonly messages: string;
  /** CPU time of all commands of this launcher so far, ms, in steps of 10; `null` when nothing was run. */
  readonly totalCpuMs: number | null;
}

export type Notice =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ended'; readonly end: LaunchEnd }
  /** A short script found that it was not wanted any more. */
  | { readonly kind: 'declined' }
  /** The shell is bash, standing in for sh. */
  | { readonly kind: 'bash' };

const CHUNK_BYTES = 16 * 1024;
/** A longer file is emptied when nothing is written to it. */
const FILE_BYTES_MAX = 1024 * 1024;
const MESSAGES_MAX = 4_096;
const TIMES = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/;

export class NoticeFile {
  /** For the shell to append to. */
  readonly fd: number;
  readonly #tag: string;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #position = 0;
  #partial = '';
  #messages = '';
  #noDirectory = false;
  /** The last line of times(1): the second of two is that of the children. */
  #times = '';

  /** @param tag - what notices begin with; other lines are the shell's own messages */
  constructor(path: string, tag: string) {
    this.fd = openSync(path, 'a+', 0o600);
    this.#tag = tag;
    ftruncateSync(this.fd);
  }

  /** What is new. */
  read(): readonly Notice[] {
    const notices: Notice[] = [];
    for (;;) {
      const length = readSync(this.fd, this.#chunk, 0, CHUNK_BYTES, this.#position);
      if (length === 0) return notices;
      this.#position += length;
      const lines = (this.#partial + this.#chunk.toString('latin1', 0, length)).split('\n');
      this.#partial = lines.pop() ?? '';
      for (const line of lines) {
        const notice = this.#line(line);
        if (notice !== null) notices.push(notice);
      }
      if (length < CHUNK_BYTES) return notices;
    }
  }

  /** Called while the shell has nothing to do. */
  shorten(): void {
    if (this.#position < FILE_BYTES_MAX) return;
    ftruncateSync(this.fd);
    this.#position = 0;
  }

  close(): void {
    closeSync(this.fd);
  }

  #line(line: string): Notice | null {
    if (!line.startsWith(this.#tag)) {
      if (TIMES.test(line)) this.#times = line;
      else this.#messages = (this.#messages + line).slice(0, MESSAGES_MAX);
      return null;
    }
    const rest = line.slice(this.#tag.length + 3);
    switch (line[this.#tag.length + 1]) {
      case 'e':
        return { kind: 'ended', end: this.#end(Number(rest)) };
      case 's':
        return { kind: 'started', pid: Number(rest.slice(rest.lastIndexOf('/') + 1)) };
      case 'x':
        this.#noDirectory = true;
        return null;
      case 'r':
        this.#messages = '';
        return { kind: 'declined' };
      case 'b':
        return { kind: 'bash' };
      default:
        return null;
    }
  }

  #end(status: number): LaunchEnd {
    const end: LaunchEnd = {
      status,
      // The code alone does not tell a signal from an exit.
      signalled: status > 128 && this.#messages !== '',
      noDirectory: this.#noDirectory,
      messages: this.#messages,
      totalCpuMs: this.#times === '' ? null : cpuMsOf(this.#times),
    };
    this.#messages = '';
    this.#noDirectory = false;
    this.#times = '';
    return end;
  }
}

function cpuMsOf(times: string): number {
  const [, userMin, userS, systemMin, systemS] = TIMES.exec(times) ?? [];
  return Math.round(
    (Number(userMin) + Number(systemMin)) * 60_000 + (Number(userS) + Number(systemS)) * 1_000,
  );
}
