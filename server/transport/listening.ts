import type { Transport } from './transport.ts';

/**
 * Has a transport listen on both ports; when one of them cannot be had, neither is kept.
 * @throws {WrError} what `listen` throws: PORT_IN_USE, naming the port; BAD_CERTIFICATE; CANNOT_START
 */
export async function listening(transport: Transport & { listen(): Promise<void> }): Promise<Transport> {
  try {
    await transport.listen();
  } catch (error) {
    await transport.close();
    throw error;
  }
  return transport;
}
