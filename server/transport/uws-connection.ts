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

export class UwsConnection implements Connection {
  readonly id = nextId++;
  readonly remoteAddress: string;
  readonly url: string;
  session: unknown;
  /** Valid from open to close only: any use after that ends the process. */
  #socket: NativeSocket | undefined;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  #above = false;
  /** Set by the first of close and overflow; the socket itself ends a little later. */
  #ending = false;

  constructor(
    address: { readonly remoteAddress: string; readonly url: string },
    options: TransportOptions,
    handlers: TransportHandlers,
  ) {
    this.remoteAddress = address.remoteAddress;
    this.url = address.url;
    this.#options = options;
    this.#handlers = handlers;
  }

  get bufferedBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  get open(): boolean {
    return this.#socket !== undefined && !this.#ending;
  }

  send(frame: Uint8Array): void {
    if (this.#socket === undefined || this.#ending) return;
    if (this.#socket.send(frame, true) === 1) return; // All of it went to the kernel.
    const buffered = this.#socket.getBufferedAmount();
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
