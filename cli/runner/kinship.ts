/**
 * Which processes came of a command although their parents are gone: a daemon is adopted by init as soon as it is one.
 *
 * Those that stayed in the launcher's session and are not older than the command are told by that. What made a session of
 * its own still has the command's mark in the environment it began with; that is looked at only when it counts, at a kill.
 */
import { readFileSync } from 'node:fs';
import { markEntry } from '../../core/attempt-mark.ts';
import type { ProcessRow } from './process-table.ts';

/** What is known of a command that others may have come of. */
export interface Forebear {
  /** When its first process began, in clock ticks since boot; 0: not seen yet. */
  readonly sinceTicks: number;
  readonly mark: string;
}

/** Orphans of the launcher's session that are not older than the command. */
export function kinBySession(
  { sinceTicks, mark }: Forebear,
  session: number,
): (orphan: ProcessRow) => boolean {
  const entry = markEntry(mark);
  return ({ pid, session: its, startTicks }) =>
    sinceTicks > 0 &&
    its === session &&
    // What the command before this one left may have begun in the same hundredth of a second.
    (startTicks > sinceTicks || (startTicks === sinceTicks && hasMark(pid, entry)));
}

/** These, and orphans that began with the command's mark in their environment. */
export function kinByMark(forebear: Forebear, session: number): (orphan: ProcessRow) => boolean {
  const stayed = kinBySession(forebear, session);
  const mark = markEntry(forebear.mark);
  return (orphan) =>
    stayed(orphan) || (orphan.startTicks >= forebear.sinceTicks && hasMark(orphan.pid, mark));
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
  } catch {
    return false; // Gone, or another user's.
  }
}
