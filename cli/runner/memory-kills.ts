/** The kernel's own count of the processes it ended for want of memory: evidence that a command was (since-0.36.md §2.3). */
import { readFileSync } from 'node:fs';

/**
 * Counted within our own control group where the system has them so (version 2, its children included); elsewhere on the
 * whole machine since it started.
 * @returns −1 where the kernel does not say
 */
export function kernelMemoryKills(): number {
  return countIn(ownEvents()) ?? countIn('/proc/vmstat') ?? -1;
}

let events: string | undefined;

function ownEvents(): string {
  events ??= `/sys/fs/cgroup${/^0::(.*)$/m.exec(textOf('/proc/self/cgroup'))?.[1] ?? '/'}/memory.events`;
  return events;
}

function countIn(path: string): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(textOf(path));
  return found === null ? undefined : Number(found[1]);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
