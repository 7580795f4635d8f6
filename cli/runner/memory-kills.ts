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

/** Whether kills of anybody's processes are counted, also of such that their own control group had too little for. */
export function countsWholeMachine(): boolean {
  return countIn(ownEvents()) === undefined;
}

/** Where anybody's are counted, one is believed of a command that used a good part of what it asked for, or of all there is. */
const OWN_SHARE_MIN = 1 / 2;
const PHYSICAL_SHARE_MIN = 1 / 4;

/** @param peakMb - MB, of the command; some of it may have been missed */
export function mayHaveUsedTooMuch(peakMb: number, askedMb: number, physicalMb: number): boolean {
  return peakMb >= askedMb * OWN_SHARE_MIN || peakMb >= physicalMb * PHYSICAL_SHARE_MIN;
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
