/** HTTP requests on uWebSockets.js: the body is collected within its limit, then the handler answers. */

import { STATUS_CODES } from 'node:http';
import { bodyTooLarge, failedAnswer } from './http-answers.ts';
import type { HttpRequest, HttpResponse, TransportHandlers, TransportOptions } from './transport.ts';
import { plainAddress } from './upgrade.ts';

/** What is used of the library's request: valid only while the route's handler runs. */
export interface NativeRequest {
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(visit: (name: string, value: string) => void): void;
}

/** What is used of the library's response. */
export interface NativeResponse {
  cork(write: () => void): unknown;
  writeStatus(status: string): unknown;
  writeHeader(name: string, value: string): unknown;
  end(body: Uint8Array | string, closeConnection: boolean): unknown;
  endWithoutBody(declaredBytes: number, closeConnection: boolean): unknown;
  onAborted(handler: () => void): unknown;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  getRemoteAddressAsText(): ArrayBuffer;
}

/** One request whose native response may be used while `live`: it is freed when the client aborts or the answer ends. */
interface Exchange {
  readonly response: NativeResponse;
  readonly head: boolean;
  live: boolean;
}

/** The requests that have no whole answer yet. */
export class OpenRequests {
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  #open = 0;
  #onSettled: (() => void) | undefined;

  constructor(options: TransportOptions, handlers: TransportHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Resolves when every request is answered, or after so long. */
  async settled(waitMs: number): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#onSettled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  take(response: NativeResponse, request: NativeRequest, port: 'client' | 'web'): void {
    // The request lives on the native stack: everything of it is copied before this returns.
    const head = headOf(response, request, port);
    const exchange: Exchange = { response, head: head.method === 'HEAD', live: true };
    this.#open += 1;
    response.onAborted(() => this.#end(exchange));
    this.#collect(exchange, Number(head.headers['content-length'] ?? 0), (body) => {
      void this.#answer(exchange, { ...head, body });
    });
  }

  #collect(exchange: Exchange, declaredBytes: number, done: (body: Uint8Array) => void): void {
    const bytesMax = this.#options.bodyBytesMax;
    if (declaredBytes > bytesMax) {
      this.#reply(exchange, bodyTooLarge(bytesMax));
      return;
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    exchange.response.onData((chunk, isLast) => {
      if (!exchange.live) return; // Answered 413: the rest is read and dropped.
      bytes += chunk.byteLength;
      if (bytes > bytesMax) {
        this.#reply(exchange, bodyTooLarge(bytesMax));
        return;
      }
      if (chunk.byteLength > 0) chunks.push(new Uint8Array(chunk.slice(0)));
      if (isLast) done(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes));
    });
  }

  async #answer(exchange: Exchange, request: HttpRequest): Promise<void> {
    try {
      this.#reply(exchange, await this.#handlers.http(request));
    } catch {
      this.#reply(exchange, failedAnswer());
    }
  }

  #reply(exchange: Exchange, answer: HttpResponse): void {
    if (!exchange.live) return;
    replyNow(exchange.response, answer, exchange.head ? 'head' : 'keep');
    this.#end(exchange);
  }

  #end(exchange: Exchange): void {
    if (!exchange.live) return;
    exchange.live = false;
    this.#open -= 1;
    if (this.#open === 0) this.#onSettled?.();
  }
}

/** Answers and ends a response in one write. `head`: without its body; `head` and `close` hang up. */
export function replyNow(
  response: NativeResponse,
  answer: HttpResponse,
  how: 'keep' | 'head' | 'close',
): void {
  const { status, headers = {}, body = '' } = answer;
  response.cork(() => {
    response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`);
    for (const [name, value] of Object.entries(headers)) {
      // The library counts the body itself.
      if (name.toLowerCase() !== 'content-length') response.writeHeader(name, value);
    }
    // After an answer to HEAD the library hangs up by itself: the client must know.
    if (how !== 'keep') response.writeHeader('Connection', 'close');
    if (how === 'head') response.endWithoutBody(Buffer.byteLength(body), true);
    else response.end(body, how === 'close');
  });
}

function headOf(
  response: NativeResponse,
  request: NativeRequest,
  port: 'client' | 'web',
): Omit<HttpRequest, 'body'> {
  const headers: Record<string, string> = Object.create(null);
  request.forEach((name, value) => {
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : `${earlier}, ${value}`;
  });
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers,
    remoteAddress: addressText(response),
    port,
  };
}

export function addressText(response: NativeResponse): string {
  return plainAddress(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'));
}
