/** HTTP requests on `node:https`: the body is collected within its limit, then the handler answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BODY_SILENCE_MS, bodyTooLarge, failedAnswer } from './http-answers.ts';
import type { HttpRequest, HttpResponse, TransportHandlers, TransportOptions } from './transport.ts';
import { plainAddress } from './upgrade.ts';

export function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  port: 'client' | 'web',
  options: TransportOptions,
  handlers: TransportHandlers,
): void {
  response.on('error', () => undefined); // The client went away.
  request.on('error', () => undefined);
  const tooLarge = (): void => {
    // The rest is read and dropped: a client that is still sending would otherwise miss the answer.
    request.removeAllListeners('data').removeAllListeners('end').resume();
    reply(response, bodyTooLarge(options.bodyBytesMax));
  };
  if (Number(request.headers['content-length'] ?? 0) > options.bodyBytesMax) {
    tooLarge();
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { socket } = request;
  socket.setTimeout(BODY_SILENCE_MS); // Without a listener of ours, its end is the socket's.
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > options.bodyBytesMax) tooLarge();
    else chunks.push(chunk);
  });
  request.on('end', () => {
    socket.setTimeout(0); // From here on it is the handler that takes its time.
    const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
    void answer(toRequest(request, port, body), response, handlers);
  });
}

async function answer(
  request: HttpRequest,
  response: ServerResponse,
  handlers: TransportHandlers,
): Promise<void> {
  try {
    reply(response, await handlers.http(request));
  } catch {
    reply(response, failedAnswer());
  }
}

function reply(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body ?? ''), ...headers });
  response.end(body);
}

function toRequest(request: IncomingMessage, port: 'client' | 'web', body: Uint8Array): HttpRequest {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return {
    method: request.method ?? 'GET',
    ...splitUrl(request.url ?? '/'),
    headers,
    remoteAddress: plainAddress(request.socket.remoteAddress ?? ''),
    port,
    body,
  };
}

/** Path and query of a request target; neither is decoded. */
export function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}
