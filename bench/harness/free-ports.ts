/** Ports for managers that benches and tests start. */
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections, one of which could take a port between two starts. */
const PORT_MIN = 10_300;
const PORT_MAX = 32_000;

/** Two ports on which nobody listens. */
export async function freePorts(): Promise<[number, number]> {
  for (;;) {
    const first = PORT_MIN + 2 * Math.floor((Math.random() * (PORT_MAX - PORT_MIN)) / 2);
    if ((await isFree(first)) && (await isFree(first + 1))) return [first, first + 1];
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}
