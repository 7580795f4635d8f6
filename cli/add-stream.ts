/**
 * Sends a command file to the manager without reading it into memory (design §4).
 *
 * The input is cut into frames at line ends; nothing is parsed here. At most `ADD_WINDOW_FRAMES` frames are under way;
 * every further one waits for the credit that the manager gives as it has taken frames in.
 */

import type { AddedReply, DryLine } from '../core/client-replies.ts';
import type { AddBegin } from '../core/client-requests.ts';
import { asWrError, WrError } from '../core/errors.ts';
import { ADD_FRAME_BYTES_MAX, ADD_WINDOW_FRAMES, type Reply } from '../core/protocol.ts';
import { expect } from './client.ts';
import type { ManagerLink } from './manager-link.ts';

/** What one frame may hold, so that it stays below the limit with its envelope. */
export const CHUNK_BYTES = ADD_FRAME_BYTES_MAX - 1024;

/** A piece of input: whole lines, unless its last line goes on in the next piece. */
export interface Chunk {
  /** Only until the next chunk is asked for. */
  readonly bytes: Uint8Array;
  readonly more: boolean;
}

/** Called as frames are taken in: commands so far, and bytes sent. */
export type OnProgress = (commands: number, bytes: number) => void;

export interface AddStreamOptions {
  readonly begin: Omit<AddBegin, 'type' | 'id'>;
  readonly chunks: AsyncIterable<Chunk>;
  readonly timeoutMs: number;
  readonly onProgress?: OnProgress;
  /** Keys of the commands now in the queue, in input order, when `begin` asks for them. */
  readonly onKeys?: (keys: Uint8Array) => void;
  /** Of an add that is only tried: what its lines were understood to say. No more is sent until it has resolved. */
  readonly onDryLines?: (lines: readonly DryLine[]) => Promise<void>;
}

/**
 * One add, from its first message to the answer, which means that everything is on disk.
 * @throws {WrError} what the manager refused it for, what the input failed with, DISCONNECTED, TIMED_OUT
 */
export async function streamAdd(link: ManagerLink, options: AddStreamOptions): Promise<AddedReply> {
  const { begin, chunks, timeoutMs } = options;
  const window = new Window(options);
  link.onPush = (message) => window.take(message);
  // It is answered only when the add cannot begin.
  link.ask({ type: 'addBegin', ...begin }, { timeoutMs }).then(
    () => undefined,
    (thrown: WrError) => {
      if (thrown.code !== 'TIMED_OUT') window.fail(thrown);
    },
  );
  let seq = 0;
  for await (const { bytes, more } of chunks) {
    await window.room();
    // Encoding copies the bytes: the chunk's buffer is free again.
    link.tell({ type: 'addFrame', requestId: begin.requestId, seq, bytes, ...(more ? { more } : {}) });
    seq += 1;
    window.sent(bytes.byteLength);
    if (begin.head > 0 && window.commands >= begin.head) break;
  }
  const end = link.ask(
    { type: 'addEnd', requestId: begin.requestId, frames: seq },
    { timeoutMs: FOREVER_MS, onPart: (reply) => options.onKeys?.(expect(reply, 'addKeys').keys) },
  );
  const added = expect(await window.guard(end), 'added');
  await window.printed;
  return added;
}

/** The longest time a timer can express: the window watches over silence itself. */
const FOREVER_MS = 2 ** 31 - 1;

/** Frames under way, and what came back about them. */
class Window {
  readonly #requestId: string;
  readonly #timeoutMs: number;
  readonly #onProgress: OnProgress | undefined;
  readonly #failure: Promise<never>;
  #reject: (error: WrError) => void = () => undefined;
  #failed: WrError | undefined;
  #credit = ADD_WINDOW_FRAMES;
  #bytes = 0;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #onDryLines: AddStreamOptions['onDryLines'];
  commands = 0;
  /** Lines of an add that is only tried were shown. */
  printed: Promise<void> = Promise.resolve();

  constructor({ begin, timeoutMs, onProgress, onDryLines }: AddStreamOptions) {
    this.#requestId = begin.requestId;
    this.#timeoutMs = timeoutMs;
    this.#onProgress = onProgress;
    this.#onDryLines = onDryLines;
    // A frame becomes much more text: one at a time.
    if (begin.dryRun !== undefined) this.#credit = 1;
    this.#failure = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#failure.catch(() => undefined);
  }

  take(message: Reply): void {
    if (message.type === 'addRefused' && message.requestId === this.#requestId) {
      this.fail(new WrError(message.code, message.message));
    } else if (message.type === 'addCredit' && message.requestId === this.#requestId) {
      this.#credit += message.frames;
      this.commands = Math.max(this.commands, message.commands);
      this.#timer?.refresh();
      this.#onProgress?.(this.commands, this.#bytes);
      this.#wake?.();
    } else if (message.type === 'dryPage' && message.requestId === this.#requestId) {
      this.printed = this.printed.then(() => this.#onDryLines?.(message.lines));
      this.printed.catch((error: unknown) => this.fail(asWrError(error)));
    }
  }

  fail(error: WrError): void {
    this.#failed ??= error;
    this.#reject(error);
    this.#wake?.();
  }

  sent(bytes: number): void {
    this.#credit -= 1;
    this.#bytes += bytes;
  }

  /** Resolves when a frame may be sent. */
  async room(): Promise<void> {
    while (this.#credit <= 0 && this.#failed === undefined) {
      await this.#silenceBounded(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      );
    }
    await this.printed;
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** The answer to the end of the add, or what went wrong before it. */
  guard(answer: Promise<Reply>): Promise<Reply> {
    return this.#silenceBounded(Promise.race([answer, this.#failure]));
  }

  /** Fails when the manager says nothing at all about the add for the time-out; each credit starts it anew. */
  async #silenceBounded<Value>(wait: Promise<Value>): Promise<Value> {
    const silent = (): void =>
      this.fail(new WrError('TIMED_OUT', `the manager said nothing for ${this.#timeoutMs / 1000} s`));
    this.#timer = setTimeout(silent, this.#timeoutMs);
    try {
      return await wait;
    } finally {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}
