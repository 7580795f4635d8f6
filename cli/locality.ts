/** Whether the manager is on this host, and what of this process goes along with an add because of that (cli.md §2.3). */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** @param host - name or IP at which a manager answers */
export function isOwnHost(host: string): boolean {
  if (isLoopback(host)) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/**
 * The environment as `KEY=value` entries, NUL-separated.
 * Values need not be UTF-8, so the bytes come from the system where it gives them.
 */
export function capturedEnvironment(env: Readonly<Record<string, string | undefined>>): Uint8Array {
  try {
    const bytes = readFileSync('/proc/self/environ');
    return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  } catch {
    const entries = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return Buffer.from(entries.join('\0'));
  }
}
