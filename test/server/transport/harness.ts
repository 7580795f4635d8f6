/** What the transport's tests share: certificates, handlers that note what they hear, and clients. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { ensureCertificates } from '../../../server/certificates.ts';
import type { OpenedTransport } from '../../../server/transport/open.ts';
import { openTransport } from '../../../server/transport/open.ts';
import type {
  Connection,
  HttpRequest,
  HttpResponse,
  TransportHandlers,
  TransportOptions,
} from '../../../server/transport/transport.ts';
import { loadUws } from '../../../server/transport/uws.ts';

export const TOKEN = 'the-right-token';
export const PROTOCOL = 'wr.1';
export const HEADERS = { Authorization: `Bearer ${TOKEN}`, 'Sec-WebSocket-Protocol': PROTOCOL };

/** Why uWebSockets.js cannot be tested here; '': it can. */
export async function uwsSkipReason(): Promise<string> {
  try {
    await loadUws();
    return '';
  } catch (error) {
    return `uWebSockets.js does not load on Node ${process.version}: ${String(error).split('\n', 1)[0]}`;
  }
}

export interface TestCertificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly ca: string;
  remove(): Promise<void>;
}

export async function makeTestCertificates(): Promise<TestCertificates> {
  const directory = await mkdtemp(join(tmpdir(), 'wr-transport-'));
  const files = {
    caFile: join(directory, 'ca.pem'),
    certFile: join(directory, 'cert.pem'),
    keyFile: join(directory, 'key.pem'),
  };
  await ensureCertificates({ ...files, domain: 'localhost', ips: ['127.0.0.1'], nowMs: Date.now() });
  const ca = await readFile(files.caFile, 'utf8');
  return { ...files, ca, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Handlers that note what they hear; a test waits for what it expects, not for time to pass. */
export class Ears implements TransportHandlers {
  readonly opened: Connection[] = [];
  readonly closed: Connection[] = [];
  readonly drained: Connection[] = [];
  readonly messages: { connection: Connection; bytes: Uint8Array }[] = [];
  readonly requests: HttpRequest[] = [];
  onMessage: (connection: Connection, bytes: Uint8Array) => void = () => undefined;
  answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse> = () => ({
    status: 200,
    body: 'ok',
  });
  readonly #waiting = new Set<() => void>();

  authorise(token: string): boolean {
    return token === TOKEN;
  }

  open(connection: Connection): void {
    this.opened.push(connection);
    this.#heard();
  }

  message(connection: Connection, bytes: Uint8Array): void {
    this.messages.push({ connection, bytes });
    this.onMessage(connection, bytes);
    this.#heard();
  }

  drain(connection: Connection): void {
    this.drained.push(connection);
    this.#heard();
  }

  close(connection: Connection): void {
    this.closed.push(connection);
    this.#heard();
  }

  http(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    this.requests.push(request);
    this.#heard();
    return this.answer(request);
  }

  /** Resolves once the condition holds; it is looked at whenever something was heard. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  #heard(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

export interface Fixture {
  readonly transport: OpenedTransport;
  readonly ears: Ears;
}

export async function openFixture(
  which: 'uws' | 'node' | 'auto',
  files: TestCertificates,
  options: Partial<TransportOptions> = {},
): Promise<Fixture> {
  const ears = new Ears();
  const transport = await openTransport(
    {
      host: '127.0.0.1',
      clientPort: 0,
      webPort: 0,
      certFile: files.certFile,
      keyFile: files.keyFile,
      paths: ['/client', '/status_ws'],
      protocol: PROTOCOL,
      frameBytesMax: 2 * 1024 * 1024,
      bodyBytesMax: 2 * 1024 * 1024,
      bufferedBytesMax: 8 * 1024 * 1024,
      drainBytes: 1024 * 1024,
      idleSeconds: 60,
      ...options,
    },
    ears,
    which,
  );
  return { transport, ears };
}

/** Opens a websocket as the CLI does. */
export async function openSocket(port: number, ca: string, target = '/client'): Promise<WebSocket> {
  const socket = newSocket(port, ca, target, TOKEN, [PROTOCOL]);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

export function newSocket(
  port: number,
  ca: string,
  target: string,
  token: string,
  protocols: readonly string[],
): WebSocket {
  const headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
  const options = { headers, perMessageDeflate: false, ca, servername: 'localhost' };
  return new WebSocket(`wss://127.0.0.1:${port}${target}`, [...protocols], options);
}

export interface Refused {
  readonly status: number;
  readonly text: string;
}

/** How a websocket that must not open is refused. */
export async function refusalOf(socket: WebSocket): Promise<Refused> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('the websocket opened')));
    socket.once('unexpected-response', (_request, response) => {
      void bodyOf(response).then((text) => {
        socket.on('error', () => undefined);
        socket.terminate();
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    socket.once('error', reject);
  });
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

export interface Answer {
  readonly response: IncomingMessage;
  readonly text: string;
}

/** One HTTPS request. */
export async function ask(
  port: number,
  ca: string,
  options: RequestOptions = {},
  body?: Uint8Array | string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, ca, servername: 'localhost', maxHeaderSize: 4 * 1024 * 1024, ...options },
      (response) => {
        bodyOf(response).then((text) => resolve({ response, text }), reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
