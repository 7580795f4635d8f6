/** Opens the manager's network side on the best transport that loads here. */
import { asWrError, WrError } from '../../core/errors.ts';
import { refuseTakenOnIpv6 } from './listen-error.ts';
import type { Transport, TransportHandlers, TransportOptions } from './transport.ts';
import type { UwsModule } from './uws.ts';
import { loadUws, openUws } from './uws.ts';

export type TransportChoice = 'uws' | 'node' | 'auto';

export interface OpenedTransport extends Transport {
  /** Why the slower transport runs although the fast one was to be tried; to be logged once. */
  readonly fallbackReason?: string;
}

/**
 * Listens on both ports.
 * @param choose - `auto`: uWebSockets.js where it loads, else `node:https` and `ws`; the environment's
 *   `WR_TRANSPORT` (`uws` or `node`) decides where this says `auto`
 * @throws {WrError} PORT_IN_USE, naming the port; BAD_CERTIFICATE; CANNOT_START, also when `uws` is demanded and does
 *   not load
 */
export async function openTransport(
  options: TransportOptions,
  handlers: TransportHandlers,
  choose: TransportChoice = 'auto',
): Promise<OpenedTransport> {
  for (const port of [options.clientPort, options.webPort]) await refuseTakenOnIpv6(options.host, port);
  const wanted = choose === 'auto' ? fromEnvironment() : choose;
  if (wanted === 'node') return openPlain(options, handlers);
  let uws: UwsModule;
  try {
    uws = await loadUws();
  } catch (cause) {
    const reason = firstLine(asWrError(cause).message);
    if (wanted === 'uws')
      throw new WrError('CANNOT_START', `uWebSockets.js does not load: ${reason}`, { cause });
    return Object.assign(await openPlain(options, handlers), { fallbackReason: reason });
  }
  return openUws(uws, options, handlers);
}

/** Loaded on demand: where uWebSockets.js runs, `ws` and `node:https` need not be in memory. */
async function openPlain(options: TransportOptions, handlers: TransportHandlers): Promise<Transport> {
  const { openNode } = await import('./node.ts');
  return openNode(options, handlers);
}

function fromEnvironment(): TransportChoice {
  const named = process.env.WR_TRANSPORT;
  return named === 'uws' || named === 'node' ? named : 'auto';
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
