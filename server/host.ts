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

/** Whether a process of this machine exists. A pid that was given out again counts as alive: doubt means waiting. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return true; // Nobody said which it was.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function hostName(): string {
  return hostname();
}
