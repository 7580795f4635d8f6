/** What this process was handed besides its standard streams. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';

const STANDARD_STREAMS = 3;
const O_CLOEXEC = 0o2_000_000;

/**
 * Closes what was handed down, so that it is not handed on: to a manager, which would keep it open, and locked, for its
 * life; or to commands, for a manager's database is open in whatever it starts, as lmdb does not mark its file to be closed
 * then. Whatever Node opens itself is so marked; of what it was handed it marks some. Where there is no /proc nothing is
 * known, and nothing is done.
 */
export function closeInheritedFiles(): void {
  for (const fd of descriptors()) {
    if (fd < STANDARD_STREAMS || !isHandedOn(fd)) continue;
    try {
      closeSync(fd);
    } catch {
      // It was the directory we have just read.
    }
  }
}

function descriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}

function isHandedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}
