/** One websocket on `ws`. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Connection, TransportHandlers, TransportOptions } from './transport.ts';

let nextId = 1;

/** What the connection needs of a TLS socket. */
export interface CountingSocket extends Duplex {
  readonly bytesRead: number;
  readonly remoteAddress?: string | undefined;
}

export class NodeConnection implements Connection {
  readonly id = nextId++;
  readonly remoteAddress: string;
  readonly url: string;
  session: unknown;
  readonly #socket: WebSocket;
  readonly #stream: CountingSocket;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  #above = false;
  #doomed = false;
  #bytesRead = 0;
  #silentTicks = 0;

  constructor(
    socket: WebSocket,
    stream: CountingSocket,
    address: { readonly remoteAddress: string; readonly url: string },
    options: TransportOptions,
    handlers: TransportHandlers,
  ) {
    this.#socket = socket;
    this.#stream = stream;
    this.remoteAddress = address.remoteAddress;
    this.url = address.url;
    this.#options = options;
    this.#handlers = handlers;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get open(): boolean {
    return !this.#doomed && this.#socket.readyState === this.#socket.OPEN;
  }

  send(frame: Uint8Array): void {
    if (!this.open) return;
    // A callback costs, so only frames that stand behind a full buffer have one.
    if (!this.#above && this.bufferedBytes + frame.byteLength <= this.#options.drainBytes) {
      this.#socket.send(frame);
      return;
    }
    this.#above = true;
    this.#socket.send(frame, this.#onSent);
    if (this.bufferedBytes > this.#options.bufferedBytesMax) this.terminate();
  }

  readonly #onSent = (): void => {
    if (!this.#above || !this.open || this.bufferedBytes >= this.#options.drainBytes) return;
    this.#above = false;
    this.#handlers.drain(this);
  };

  close(code: number, reason: string): void {
    if (this.open) this.#socket.close(code, reason);
  }

  /** Drops the connection without a word, and what was buffered with it. */
  terminate(): void {
    this.#doomed = true;
    this.#socket.terminate();
  }

  /**
   * Called four times per idle time: pings what has been silent for half of it, drops what has been for all of it.
   * Any byte counts as life, also of a frame that is not whole yet.
   */
  tick(): void {
    const { bytesRead } = this.#stream;
    this.#silentTicks = bytesRead === this.#bytesRead ? this.#silentTicks + 1 : 0;
    this.#bytesRead = bytesRead;
    if (this.#silentTicks >= 4) this.terminate();
    else if (this.#silentTicks >= 2 && this.open) this.#socket.ping();
  }
}
