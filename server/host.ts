/** How this machine is known to others. */
import { readFileSync } from 'node:fs';
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

/**
 * When a process of this machine began, in the clock ticks since its start that Linux gives; 0 where the system does not tell.
 * `null`: there is no such process, or it has ended and only waits to be collected.
 */
export function birthOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Behind the name, which may hold anything: the state first, the start as the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /^[ZX]/.test(fields[0] ?? '') ? null : Number(fields[19] ?? 0);
  } catch (error) {
    const isMissing = ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
    return isMissing && process.platform === 'linux' ? null : 0;
  }
}

/** Whether a process of this machine is known not to exist. @param birth - as {@link birthOf}; 0: not known */
export function isProcessGone(pid: number, birth: number): boolean {
  if (pid <= 0) return false; // Nobody said which it was.
  const found = birthOf(pid);
  if (found === null) return true;
  if (found === 0) return !isAlive(pid);
  return birth !== 0 && found !== birth; // It is somebody else's by now.
}

/** Kills a process of this machine if it is a runner. @returns whether it did */
export function killRunner(pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!words.includes('runner') || !words.some((word) => word.endsWith('main.js'))) return false;
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
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
