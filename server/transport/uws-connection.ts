/** One websocket on uWebSockets.js. */
import type { Connection, TransportHandlers, TransportOptions } from './transport.ts';

let nextId = 1;

/** What is used of the library's websocket. */
export interface NativeSocket {
  /** 1: sent; 0: some of it waits; 2: dropped. */
  send(frame: Uint8Array, isBinary: boolean): number;
  getBufferedAmount(): number;
  end(code: number, reason: string): void;
  close(): void;
}

/**
 * Holds frames back while the library hands out what it has read. It decrypts piece by piece into one buffer for all its
 * sockets, and a send in between, on any of them, makes it forget the ciphertext it has not come to yet: the connection
 * then ends as if it had been garbled (seen with a megabyte of frames sent in one go and answered one by one).
 */
export class ReadPhase {
  #reading = false;
  readonly #holding: UwsConnection[] = [];

  get reading(): boolean {
    return this.#reading;
  }

  /** A message is about to be handed out. Everything read has been handed out before the next check phase of the loop. */
  enter(): void {
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => {
      this.#reading = false;
      for (const connection of this.#holding.splice(0)) connection.release();
    });
  }

  hold(connection: UwsConnection): void {
    this.#holding.push(connection);
  }
}

export class UwsConnection implements Connection {
  readonly id = nextId++;
  readonly remoteAddress: string;
  readonly url: string;
  session: unknown;
  /** Valid from open to close only: any use after that ends the process. */
  #socket: NativeSocket | undefined;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #phase: ReadPhase;
  /** Frames to be sent when the read phase is over. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #above = false;
  /** Set by the first of close and overflow; the socket itself ends a little later. */
  #ending = false;

  constructor(
    address: { readonly remoteAddress: string; readonly url: string },
    options: TransportOptions,
    handlers: TransportHandlers,
    phase: ReadPhase,
  ) {
    this.#phase = phase;
    this.remoteAddress = address.remoteAddress;
    this.url = address.url;
    this.#options = options;
    this.#handlers = handlers;
  }

  get bufferedBytes(): number {
    return (this.#socket?.getBufferedAmount() ?? 0) + this.#heldBytes;
  }

  get open(): boolean {
    return this.#socket !== undefined && !this.#ending;
  }

  send(frame: Uint8Array): void {
    if (this.#socket === undefined || this.#ending) return;
    if (!this.#phase.reading) {
      this.#sendNow(this.#socket, frame);
      return;
    }
    if (this.#held.length === 0) this.#phase.hold(this);
    this.#held.push(frame);
    this.#heldBytes += frame.byteLength;
  }

  /** The read phase is over. What was sent before a close leaves before it. */
  release(): void {
    const frames = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const frame of frames) if (this.#socket !== undefined) this.#sendNow(this.#socket, frame);
  }

  #sendNow(socket: NativeSocket, frame: Uint8Array): void {
    if (socket.send(frame, true) === 1) return; // All of it went to the kernel.
    const buffered = socket.getBufferedAmount();
    if (buffered > this.#options.bufferedBytesMax) this.#end((socket) => socket.close());
    else if (buffered > this.#options.drainBytes) this.#above = true;
  }

  close(code: number, reason: string): void {
    if (this.open) this.#end((socket) => socket.end(code, reason));
  }

  /** The native call reports the close before it returns; no handler expects to be called from within its own call. */
  #end(how: (socket: NativeSocket) => void): void {
    this.#ending = true;
    setImmediate(() => {
      if (this.#socket !== undefined) how(this.#socket);
    });
  }

  // ---- called by the transport

  opened(socket: NativeSocket): void {
    this.#socket = socket;
  }

  drained(): void {
    if (!this.#above || !this.open || this.bufferedBytes >= this.#options.drainBytes) return;
    this.#above = false;
    this.#handlers.drain(this);
  }

  closed(): void {
    this.#socket = undefined;
  }
}
