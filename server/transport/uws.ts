/** The transport on uWebSockets.js: the fast one, where its native build loads. */
import type {
  TemplatedApp,
  HttpRequest as UwsRequest,
  HttpResponse as UwsResponse,
  us_listen_socket,
  us_socket,
  us_socket_context_t,
  WebSocketBehavior,
} from 'uWebSockets.js';
import { asWrError, WrError } from '../../core/errors.ts';
import { CLOSE, CLOSE_GRACE_MS, REQUEST_HEAD_BYTES_MAX } from './limits.ts';
import { whyNotListening } from './listen-error.ts';
import { listening } from './listening.ts';
import type { Transport, TransportHandlers, TransportOptions } from './transport.ts';
import { refuseUpgrade, withoutToken } from './upgrade.ts';
import { ReadPhase, UwsConnection } from './uws-connection.ts';
import { addressText, OpenRequests, replyNow } from './uws-http.ts';

export type UwsModule = typeof import('uWebSockets.js');

/** What is kept on the native socket. */
interface UserData {
  readonly connection: UwsConnection;
}

/** The library's bounds for its idle time, seconds; it ends the process outside of them. */
const IDLE_SECONDS_MIN = 8;
const IDLE_SECONDS_MAX = 960;
const HEADS_VARIABLE = 'UWS_HTTP_MAX_HEADERS_SIZE';

/** @throws whatever the import does where there is no build for this Node or system */
export async function loadUws(): Promise<UwsModule> {
  // Read once, when the native code is loaded; without it heads over 4 kB are refused.
  const before = process.env[HEADS_VARIABLE];
  process.env[HEADS_VARIABLE] = String(REQUEST_HEAD_BYTES_MAX);
  try {
    return await import('uWebSockets.js');
  } finally {
    // Not for the processes that this one starts.
    if (before === undefined) delete process.env[HEADS_VARIABLE];
    else process.env[HEADS_VARIABLE] = before;
  }
}

/**
 * Listens on both ports.
 * @throws {WrError} PORT_IN_USE, naming the port; BAD_CERTIFICATE for files it cannot use; CANNOT_START otherwise
 */
export async function openUws(
  uws: UwsModule,
  options: TransportOptions,
  handlers: TransportHandlers,
): Promise<Transport> {
  return listening(new UwsTransport(uws, options, handlers));
}

class UwsTransport implements Transport {
  readonly name = 'uws';
  clientPort = 0;
  webPort = 0;
  readonly #uws: UwsModule;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #connections = new Set<UwsConnection>();
  readonly #phase = new ReadPhase();
  readonly #apps: TemplatedApp[] = [];
  readonly #listening: us_listen_socket[] = [];
  readonly #requests: OpenRequests;
  #closing = false;

  constructor(uws: UwsModule, options: TransportOptions, handlers: TransportHandlers) {
    this.#uws = uws;
    this.#options = options;
    this.#handlers = handlers;
    this.#requests = new OpenRequests(options, handlers);
  }

  get connections(): number {
    return this.#connections.size;
  }

  async listen(): Promise<void> {
    const { host, clientPort, webPort } = this.#options;
    this.clientPort = await this.#listenOn('client', host, clientPort);
    this.webPort = await this.#listenOn('web', host, webPort);
  }

  async #listenOn(name: 'client' | 'web', host: string, port: number): Promise<number> {
    const app = this.#createApp();
    this.#apps.push(app);
    app.ws('/*', this.#behaviour());
    app.any('/*', (response, request) => this.#requests.take(response, request, name));
    let socket = await listen(app, host, port);
    if (socket && port === 0) {
      // The library lets a port be taken again at once (while old connections linger) only if it was asked for by number.
      const chosen = this.#uws.us_socket_local_port(socket as us_socket);
      this.#uws.us_listen_socket_close(socket);
      socket = await listen(app, host, chosen);
    }
    if (!socket) throw await whyNotListening(host, port);
    this.#listening.push(socket);
    return this.#uws.us_socket_local_port(socket as us_socket);
  }

  #createApp(): TemplatedApp {
    const { certFile, keyFile } = this.#options;
    try {
      return this.#uws.SSLApp({
        cert_file_name: certFile,
        key_file_name: keyFile,
        ssl_prefer_low_memory_usage: true, // An idle connection keeps no buffers of its own.
      });
    } catch (cause) {
      const message = `${certFile} and ${keyFile} cannot be used: ${asWrError(cause).message}`;
      throw new WrError('BAD_CERTIFICATE', message, { cause });
    }
  }

  #behaviour(): WebSocketBehavior<UserData> {
    const options = this.#options;
    const handlers = this.#handlers;
    return {
      // The library drops a larger message without a close frame: the limit proper is judged below, this one is a bound.
      maxPayloadLength: options.frameBytesMax * 2,
      idleTimeout: Math.min(Math.max(options.idleSeconds, IDLE_SECONDS_MIN), IDLE_SECONDS_MAX),
      sendPingsAutomatically: true,
      maxBackpressure: 0, // None of its own: UwsConnection judges it.
      compression: 0,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (socket) => {
        const { connection } = socket.getUserData();
        connection.opened(socket);
        this.#connections.add(connection);
        handlers.open(connection);
      },
      message: (socket, message, isBinary) => {
        const { connection } = socket.getUserData();
        this.#phase.enter();
        if (!connection.open) return; // What comes after our close frame is nobody's.
        if (!isBinary) connection.close(CLOSE.unacceptable, 'frames are binary');
        else if (message.byteLength > options.frameBytesMax)
          connection.close(CLOSE.tooLarge, 'frame too large');
        else handlers.message(connection, copyOf(message));
      },
      drain: (socket) => socket.getUserData().connection.drained(),
      close: (socket) => {
        const { connection } = socket.getUserData();
        this.#connections.delete(connection);
        connection.closed();
        handlers.close(connection);
      },
    };
  }

  #upgrade(response: UwsResponse, request: UwsRequest, context: us_socket_context_t): void {
    const path = request.getUrl();
    const query = request.getQuery() ?? '';
    const refusal = this.#closing
      ? { status: 503, text: 'the manager is stopping' }
      : refuseUpgrade(
          {
            path,
            query,
            authorization: request.getHeader('authorization'),
            protocols: request.getHeader('sec-websocket-protocol'),
            version: request.getHeader('sec-websocket-version'),
          },
          this.#options,
          this.#handlers,
        );
    if (refusal !== null) {
      const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
      replyNow(response, { status: refusal.status, headers, body: `${refusal.text}\n` }, 'close');
      return;
    }
    const address = { remoteAddress: addressText(response), url: withoutToken(path, query) };
    const connection = new UwsConnection(address, this.#options, this.#handlers, this.#phase);
    response.upgrade<UserData>(
      { connection },
      request.getHeader('sec-websocket-key'),
      this.#options.protocol,
      '', // No extensions: compression costs memory per connection.
      context,
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const socket of this.#listening.splice(0)) this.#uws.us_listen_socket_close(socket);
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, 'the manager is stopping');
    await this.#requests.settled(CLOSE_GRACE_MS);
    // One turn for the close frames, which leave on setImmediate.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    for (const app of this.#apps.splice(0)) app.close();
  }
}

/** The library takes its memory back when the handler returns. Small copies share Node's pool, which is several times cheaper. */
function copyOf(message: ArrayBuffer): Uint8Array {
  const copy = Buffer.allocUnsafe(message.byteLength);
  copy.set(new Uint8Array(message));
  return copy;
}

/** Without this the library shares a taken port with whoever does the same: two managers would each get half the clients. */
const EXCLUSIVE_PORT = 1;

function listen(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket | false> {
  // The library's types know no host together with options; the library does.
  const withHost = app as unknown as {
    listen(
      host: string,
      port: number,
      options: number,
      done: (socket: us_listen_socket | false) => void,
    ): void;
  };
  return new Promise((resolve) => withHost.listen(host, port, EXCLUSIVE_PORT, resolve));
}
