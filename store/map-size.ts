/** How much address space the database's map gets. */
import { readFileSync, statSync } from 'node:fs';
import { WrError } from '../core/errors.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/**
 * Address space, not memory or disk: reserved far ahead, so that the file grows page by page and the map need not be made
 * again while the manager runs. Small enough for processors with 39 bits of address; beyond it LMDB doubles the map.
 */
const MAP_BYTES = 128 * GIB;
const MAP_BYTES_MIN = 64 * MIB;

/**
 * @param path - the database file; none is as good as an empty one
 * @throws {WrError} STORE_UNREADABLE when the process may not have as much as the file needs: asked for more than there
 *   is, LMDB's binding takes the process down
 */
export function mapBytesFor(path: string): number {
  const fileBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const wanted = Math.max(MAP_BYTES, 4 * fileBytes);
  const free = freeAddressBytes();
  if (free > 2 * wanted) return wanted;
  // Threads, heaps and libraries need the rest.
  const possible = Math.floor(free / 2 / MIB) * MIB;
  if (possible >= fileBytes + MAP_BYTES_MIN) return possible;
  const why = `the limit of ${Math.round(free / MIB)} MB of address space (ulimit -v) is too low for it`;
  throw new WrError('STORE_UNREADABLE', `the database ${path} cannot be opened: ${why}`);
}

/** What a limit on this process leaves; Infinity without one, or where it cannot be told. */
function freeAddressBytes(): number {
  try {
    const limit = /^Max address space\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    const used = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit) - Number(used ?? 0) * 1024;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
