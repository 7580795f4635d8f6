/** A connection to the manager: `ws` over TLS, messages as frames, questions matched with their answers. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { checkServerIdentity } from 'node:tls';
import type { ClientOptions, WebSocket } from 'ws';
import { asWrError, WrError } from '../core/errors.ts';
import { CLIENT_PATH, PROTOCOL, REPLY_BYTES_MAX } from '../core/protocol.ts';
import type { Dialled } from './connection-failure.ts';
import { connectError, refusedUpgrade, timedOut } from './connection-failure.ts';
import type { ManagerLink } from './manager-link.ts';
import { SocketLink } from './socket-link.ts';

// Required rather than imported: Node scans each file of a CommonJS package that is imported for what it exports, which
// for this one costs 40 of 55 ms of processor time, at the start of every command.
const ws: typeof import('ws') = createRequire(import.meta.url)('ws');

export interface ManagerAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** The CA whose certificate the manager must show: a PEM file, or its text. */
  readonly caFile?: string;
  readonly ca?: string;
  /** The name its certificate must be for, whatever address was dialled. */
  readonly domain: string;
  /** Bounds connecting, and each question that brings no bound of its own. Above 0. */
  readonly timeoutMs: number;
  /** Bounds connecting, instead. */
  readonly connectMs?: number;
  /** A silent manager is pinged, and given up before nothing came for twice as long. Default 15 s. */
  readonly heartbeatMs?: number;
}

const HEARTBEAT_MS = 15_000;
/** Of a refusal's text, so much is read. */
const REFUSAL_BYTES_MAX = 4096;

/**
 * Connects, proves both sides and agrees on the protocol.
 * @throws {WrError} NO_MANAGER when nobody listens there, BAD_TOKEN, BAD_CERTIFICATE naming the file, BAD_PROTOCOL when
 *   versions differ or it is no manager, STOPPING, TIMED_OUT, DISCONNECTED when it hangs up half-way
 */
export async function connectManager(options: ManagerAddress): Promise<ManagerLink> {
  const ca = await readCa(options);
  const dialled: Dialled = { ...options, caFile: options.caFile ?? '', ca };
  const socket = dial(options, ca);
  await opened(socket, dialled, options.connectMs ?? options.timeoutMs);
  return new SocketLink(socket, {
    timeoutMs: options.timeoutMs,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    name: `${options.host}:${options.port}`,
  });
}

async function readCa({ caFile, ca }: ManagerAddress): Promise<string> {
  const named = caFile ?? 'the CA given';
  let pem: string;
  try {
    pem = ca ?? (await readFile(caFile ?? '', 'latin1'));
  } catch (cause) {
    throw new WrError('BAD_CERTIFICATE', `${named} cannot be read: ${asWrError(cause).message}`, { cause });
  }
  try {
    new X509Certificate(pem); // TLS itself would only say that it cannot find an issuer.
  } catch (cause) {
    throw new WrError('BAD_CERTIFICATE', `${named} holds no certificate in PEM form`, { cause });
  }
  return pem;
}

function dial({ host, port, token, domain, timeoutMs }: ManagerAddress, ca: string): WebSocket {
  const address = isIP(host) === 6 ? `[${host}]` : host;
  const verify: ConnectionOptions = {
    ca,
    // A server name may not be an address; what is verified is the domain either way.
    servername: isIP(domain) === 0 ? domain : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(domain, certificate),
  };
  const options: ClientOptions = {
    headers: { Authorization: `Bearer ${token}` },
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false,
    maxPayload: REPLY_BYTES_MAX,
    skipUTF8Validation: true,
    followRedirects: false,
  };
  return new ws.WebSocket(`wss://${address}:${port}${CLIENT_PATH}`, PROTOCOL, Object.assign(options, verify));
}

/** Resolves when the websocket is open; whatever else happens first is the error. */
async function opened(socket: WebSocket, dialled: Dialled, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      // The library's own limit starts anew with every byte that comes.
      timer = setTimeout(() => reject(timedOut(dialled)), timeoutMs);
      socket.once('open', resolve);
      socket.on('error', (error) => {
        reject(/timed out/.test(error.message) ? timedOut(dialled) : connectError(error, dialled));
      });
      socket.once('unexpected-response', (_request, response) => {
        void textOf(response).then((text) => reject(refusedUpgrade(response, text, dialled)));
      });
    });
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > REFUSAL_BYTES_MAX) break;
    }
  } catch {
    // The status alone says enough.
  }
  return text.slice(0, REFUSAL_BYTES_MAX);
}
