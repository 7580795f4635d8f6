/** Connections as the manager sees them: what is posted within one turn of the event loop leaves as one frame. */
import { encodeFrame } from '../core/codec.ts';
import type { Reply } from '../core/protocol.ts';
import type { Peer } from './peer.ts';
import type { Connection } from './transport/transport.ts';

export class Session implements Peer {
  readonly #connection: Connection;
  #outbox: Reply[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get id(): number {
    return this.#connection.id;
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  get open(): boolean {
    return this.#connection.open;
  }

  post(message: Reply): void {
    this.#outbox.push(message);
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush());
  }

  postFrame(frame: Uint8Array): void {
    this.#flush();
    if (this.open) this.#connection.send(frame);
  }

  #flush(): void {
    const messages = this.#outbox;
    if (messages.length === 0) return;
    this.#outbox = [];
    if (this.open)
      this.#connection.send(encodeFrame(messages.length === 1 ? (messages[0] as Reply) : messages));
  }
}
