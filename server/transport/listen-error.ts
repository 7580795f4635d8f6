/** Says why a port cannot be listened on. */
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
