/** What both transports decide alike before a websocket exists: which path, whose token, which protocol. */
import type { TransportHandlers, TransportOptions } from './transport.ts';

/** A request to become a websocket. */
export interface UpgradeRequest {
  readonly path: string;
  readonly query: string;
  /** Header values, '' when absent. */
  readonly authorization: string;
  readonly protocols: string;
  readonly version: string;
}

/** Why no websocket comes to be: the status line's parts and one line of text for people. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** @returns `null` when the websocket may be opened */
export function refuseUpgrade(
  request: UpgradeRequest,
  options: TransportOptions,
  handlers: TransportHandlers,
): Refusal | null {
  if (!options.paths.includes(request.path)) {
    return { status: 404, text: `there is no websocket at ${request.path.slice(0, 200)}` };
  }
  if (!handlers.authorise(tokenOf(request), request.path))
    return { status: 401, text: 'bad token: permission denied' };
  if (request.version !== '13') return { status: 400, text: 'websocket version 13 is spoken here' };
  const offered = request.protocols.split(',').map((name) => name.trim());
  if (offered.includes(options.protocol)) return null;
  const said =
    request.protocols === '' ? 'none was offered' : `offered was ${request.protocols.slice(0, 100)}`;
  return {
    status: 400,
    text: `subprotocol ${options.protocol} is spoken here, ${said}; use the same wr for both`,
  };
}

/** The credential of a request; the query's wins when both are given (spec: rest.md §3). '': none. */
function tokenOf({ query, authorization }: UpgradeRequest): string {
  const fromQuery = query === '' ? null : new URLSearchParams(query).get('token');
  if (fromQuery) return fromQuery;
  return authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : '';
}

/** A token in the query is a secret: what is kept of a connection's address must not show it. */
export function withoutToken(path: string, query: string): string {
  if (query === '') return path;
  const kept = query.split('&').filter((part) => !part.startsWith('token='));
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

/** IPv4 addresses as IPv4, however the socket was opened. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
