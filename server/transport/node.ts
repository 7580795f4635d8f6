/** The transport on `node:https` and `ws`: runs wherever Node does. */

import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerOptions, WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { asWrError, WrError } from '../../core/errors.ts';
import { CLOSE, CLOSE_GRACE_MS, HANDSHAKE_MS, REQUEST_HEAD_BYTES_MAX } from './limits.ts';
import { listenError } from './listen-error.ts';
import { listening } from './listening.ts';
import type { CountingSocket } from './node-connection.ts';
import { NodeConnection } from './node-connection.ts';
import { answerHttp, splitUrl } from './node-http.ts';
import type { Transport, TransportHandlers, TransportOptions } from './transport.ts';
import { plainAddress, refuseUpgrade, withoutToken } from './upgrade.ts';

/** A whole request, body included, takes no longer than this. */
const REQUEST_MS_MAX = 3_600_000;
/** A peer that does not answer our close frame in time is dropped. */
const CLOSE_ANSWER_MS = 5_000;
/** Heads that are late are looked for so often. */
const LATE_HEADS_MS = 2_000;

/**
 * Listens on both ports.
 * @throws {WrError} PORT_IN_USE, naming the port; CANNOT_START for any other reason
 */
export async function openNode(options: TransportOptions, handlers: TransportHandlers): Promise<Transport> {
  return listening(new NodeTransport(options, handlers));
}

class NodeTransport implements Transport {
  readonly name = 'node';
  clientPort = 0;
  webPort = 0;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #websockets: WebSocketServer;
  readonly #connections = new Set<NodeConnection>();
  readonly #servers: Server[] = [];
  /** Every TCP connection, so that those still in their handshake end too. */
  readonly #sockets = new Set<Socket>();
  #ticks: NodeJS.Timeout | undefined;
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: TransportOptions, handlers: TransportHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const limits: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.frameBytesMax,
      skipUTF8Validation: true, // Text is refused anyway.
      handleProtocols: () => options.protocol, // `refuseUpgrade` has seen it among those offered.
      closeTimeout: CLOSE_ANSWER_MS,
    };
    this.#websockets = new WebSocketServer(limits);
  }

  get connections(): number {
    return this.#connections.size;
  }

  async listen(): Promise<void> {
    const { host, clientPort, webPort, idleSeconds } = this.#options;
    this.clientPort = await this.#listenOn('client', host, clientPort);
    this.webPort = await this.#listenOn('web', host, webPort);
    this.#ticks = setInterval(() => this.#tick(), (idleSeconds * 1000) / 4).unref();
  }

  async #listenOn(name: 'client' | 'web', host: string, port: number): Promise<number> {
    const server = await this.#createServer(name);
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, host, port)));
      server.listen(port, host, resolve);
    });
    // Out of file descriptors, for one: those who are connected already go on.
    server.removeAllListeners('error').on('error', () => undefined);
    return (server.address() as AddressInfo).port;
  }

  async #createServer(name: 'client' | 'web'): Promise<Server> {
    const { certFile, keyFile } = this.#options;
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    let server: Server;
    try {
      server = createServer({
        cert,
        key,
        handshakeTimeout: HANDSHAKE_MS,
        maxHeaderSize: REQUEST_HEAD_BYTES_MAX,
        headersTimeout: HANDSHAKE_MS,
        requestTimeout: REQUEST_MS_MAX,
        connectionsCheckingInterval: LATE_HEADS_MS,
        noDelay: true,
      });
    } catch (cause) {
      const message = `${certFile} and ${keyFile} cannot be used: ${asWrError(cause).message}`;
      throw new WrError('BAD_CERTIFICATE', message, { cause });
    }
    server.on('connection', (socket: Socket) => this.#track(socket));
    server.on('request', (request, response) =>
      answerHttp(request, response, name, this.#options, this.#handlers),
    );
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    return server;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', ignore);
    const { path, query } = splitUrl(request.url ?? '/');
    const { headers } = request;
    if (this.#closing || headers['sec-websocket-key'] === undefined) {
      refuse(
        stream,
        this.#closing ? 503 : 400,
        this.#closing ? 'the manager is stopping' : 'no websocket key',
      );
      return;
    }
    const refusal = refuseUpgrade(
      {
        path,
        query,
        authorization: headers.authorization ?? '',
        protocols: headers['sec-websocket-protocol'] ?? '',
        version: String(headers['sec-websocket-version'] ?? ''),
      },
      this.#options,
      this.#handlers,
    );
    if (refusal !== null) {
      refuse(stream, refusal.status, refusal.text);
      return;
    }
    const socket = stream as CountingSocket;
    const address = {
      remoteAddress: plainAddress(socket.remoteAddress ?? ''),
      url: withoutToken(path, query),
    };
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      stream.removeListener('error', ignore);
      this.#open(websocket, new NodeConnection(websocket, socket, address, this.#options, this.#handlers));
    });
  }

  #open(websocket: WebSocket, connection: NodeConnection): void {
    const handlers = this.#handlers;
    this.#connections.add(connection);
    websocket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) handlers.message(connection, data);
      else connection.close(CLOSE.unacceptable, 'frames are binary');
    });
    websocket.on('error', ignore); // Followed by close.
    websocket.once('close', () => {
      this.#connections.delete(connection);
      handlers.close(connection);
      if (this.#connections.size === 0) this.#onEmpty?.();
    });
    handlers.open(connection);
  }

  #tick(): void {
    for (const connection of this.#connections) connection.tick();
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#ticks);
    const closed = this.#servers.map((server) => closeServer(server));
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, 'the manager is stopping');
    for (const server of this.#servers) server.closeIdleConnections();
    const late = setTimeout(() => this.#destroyAll(), CLOSE_GRACE_MS);
    await Promise.all([...closed, this.#empty()]);
    clearTimeout(late);
  }

  /** Resolves when the handlers have heard of every connection's end. */
  #empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.terminate();
    for (const server of this.#servers) server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function closeServer(server: Server): Promise<void> {
  // One that never listened has an error to tell, and nothing to close.
  return new Promise((resolve) => server.close(() => resolve()));
}

function refuse(stream: Duplex, status: number, text: string): void {
  const body = `${text}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function ignore(): void {
  // The close that follows an error does what is to be done.
}
