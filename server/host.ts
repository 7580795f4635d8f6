/** How this machine is known to others. */
import { hostname, networkInterfaces } from 'node:os';

/** The first address that is not the machine's own loop; the loop where there is no other. */
export function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (!address.internal && address.family === 'IPv4') return address.address;
    }
  }
  return '127.0.0.1';
}

export function hostName(): string {
  return hostname();
}
