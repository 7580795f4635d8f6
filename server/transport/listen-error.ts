/** Says why a port cannot be listened on, or had better not be. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { WrError } from '../../core/errors.ts';

/** @param error - what `listen` failed with */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): WrError {
  if (error.code === 'EADDRINUSE') {
    return new WrError('PORT_IN_USE', `port ${port} on ${host} is in use`, { cause: error });
  }
  return new WrError('CANNOT_START', `cannot listen on ${host} port ${port}: ${error.message}`, {
    cause: error,
  });
}

/** An answer of systems without IPv6. */
const NO_IPV6: readonly unknown[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT', 'EINVAL'];

/**
 * A program that listens on IPv6 alone is not in the way of one that listens on all addresses of IPv4; but who dials
 * `localhost` may reach either.
 * @throws {WrError} PORT_IN_USE
 */
export async function refuseTakenOnIpv6(host: string, port: number): Promise<void> {
  if (host !== '0.0.0.0' || port === 0) return;
  const probe = createServer();
  try {
    probe.listen({ host: '::', port, ipv6Only: true });
    await once(probe, 'listening');
  } catch (error) {
    if (NO_IPV6.includes((error as NodeJS.ErrnoException).code)) return;
    throw listenError(error as NodeJS.ErrnoException, '[::]', port);
  }
  await new Promise((resolve) => probe.close(resolve));
}

/** For a listener that does not say why it failed: tries the same with one that does. */
export async function whyNotListening(host: string, port: number): Promise<WrError> {
  const probe = createServer();
  try {
    probe.listen(port, host);
    await once(probe, 'listening');
    probe.close();
    return new WrError('CANNOT_START', `cannot listen on ${host} port ${port}`);
  } catch (error) {
    return listenError(error as NodeJS.ErrnoException, host, port);
  }
}
