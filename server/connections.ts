/** What the transport asks the manager's process: who may come in, and what becomes of what they send. */
import { VERSION } from '../core/version.ts';
import type { Manager } from './manager.ts';
import { Session } from './sessions.ts';
import { sameToken } from './token.ts';
import type { Connection, HttpRequest, HttpResponse, TransportHandlers } from './transport/transport.ts';

/** @param manager - `undefined` until it takes requests: nobody is let in before that */
export function handlers(token: string, manager: () => Manager | undefined): TransportHandlers {
  const session = (connection: Connection): Session => connection.session as Session;
  return {
    authorise: (given) => sameToken(given, token) && manager() !== undefined,
    open: (connection) => {
      connection.session = new Session(connection);
    },
    message: (connection, bytes) => manager()?.receive(session(connection), bytes),
    drain: () => undefined,
    close: (connection) => manager()?.closed(session(connection)),
    http: (request) => answerHttp(request, token),
  };
}

/** What is served over HTTPS so far: the version, which needs no token, and for those who have it a word on the page. */
function answerHttp({ path, method, query, headers }: HttpRequest, token: string): HttpResponse {
  const json = { 'content-type': 'application/json' };
  if (path === '/rest/version/' || path === '/rest/version') {
    if (method !== 'GET') return { status: 405, headers: json, body: '"So far only GET is supported"' };
    return { status: 200, headers: json, body: JSON.stringify({ Version: VERSION, API: '1' }) };
  }
  const text = { 'content-type': 'text/plain' };
  const given =
    /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1] ?? new URLSearchParams(query).get('token') ?? '';
  if (!sameToken(given, token))
    return { status: 401, headers: text, body: 'the token is missing or wrong\n' };
  if (path === '/') {
    return {
      status: 200,
      headers: text,
      body: `wr manager ${VERSION}. The status page comes later: use wr status.\n`,
    };
  }
  return { status: 404, headers: text, body: 'not found\n' };
}
