/**
 * The manager's network side, behind one interface with two implementations: `uws.ts` (uWebSockets.js) and `node.ts`
 * (`node:https` + `ws`), chosen by `open.ts`. Both pass `test/server/transport/conformance.test.ts`.
 */

/** One websocket of a client or runner. */
export interface Connection {
  /** Rising, unique within the process. */
  readonly id: number;
  readonly remoteAddress: string;
  /** The path and query it was opened with. */
  readonly url: string;
  /** Sends one binary message. Never blocks: what a slow reader has not taken yet counts in `bufferedBytes`. */
  send(frame: Uint8Array): void;
  readonly bufferedBytes: number;
  readonly open: boolean;
  /** Websocket close code and reason (≤ 123 bytes). */
  close(code: number, reason: string): void;
  /** Owned by the handlers: the session that belongs to this connection. */
  session: unknown;
}

export interface HttpRequest {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  readonly port: 'client' | 'web';
  /** The whole body; larger than `bodyBytesMax` was answered 413 already. */
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface TransportHandlers {
  /** Before the upgrade: false answers 401 and no websocket comes to be. `token` is the Bearer header's or `?token=`. */
  authorise(token: string, path: string): boolean;
  open(connection: Connection): void;
  /** One whole binary message; `bytes` are the handler's to keep. */
  message(connection: Connection, bytes: Uint8Array): void;
  /** `bufferedBytes` fell below `drainBytes` after having been above. */
  drain(connection: Connection): void;
  close(connection: Connection): void;
  http(request: HttpRequest): Promise<HttpResponse> | HttpResponse;
}

export interface TransportOptions {
  readonly host: string;
  /** Port for clients and runners; 0: any free one. */
  readonly clientPort: number;
  /** Port for the page and REST; 0: any free one. */
  readonly webPort: number;
  /** PEM texts' files. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Websocket paths that may be opened; the rest is 404. */
  readonly paths: readonly string[];
  readonly protocol: string;
  readonly frameBytesMax: number;
  readonly bodyBytesMax: number;
  /** A connection whose unsent bytes exceed this is closed: its reader has stopped. */
  readonly bufferedBytesMax: number;
  readonly drainBytes: number;
  /** A connection from which nothing came for so long is closed; pings are sent to keep live ones. Seconds. */
  readonly idleSeconds: number;
}

export interface Transport {
  readonly name: 'uws' | 'node';
  readonly clientPort: number;
  readonly webPort: number;
  readonly connections: number;
  /** Stops listening at once, closes every connection and resolves when the ports are free. */
  close(): Promise<void>;
}
