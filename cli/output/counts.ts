import type { StateCounts } from '../../core/client-replies.ts';

/** `status -o counts`: eight lines, and an empty one (spec: since-0.36.md §1.4). */
export function countsText(counts: StateCounts): string {
  const lines: readonly (readonly [string, number])[] = [
    ['complete', counts.complete],
    ['running', counts.reserved + counts.running],
    ['ready', counts.ready],
    ['dependent', counts.dependent],
    ['suspended', counts.suspended],
    ['lost contact', counts.lost],
    ['delayed', counts.delayed],
    ['buried', counts.buried],
  ];
  return `${lines.map(([label, count]) => `${label}: ${count}\n`).join('')}\n`;
}

/** Counts of the same kind, added up: for answers that came in parts. */
export function addCounts(a: StateCounts, b: StateCounts): StateCounts {
  const sum: Record<string, number> = {};
  for (const [state, count] of Object.entries(a)) sum[state] = count + (b[state as keyof StateCounts] ?? 0);
  return sum as unknown as StateCounts;
}

export const NO_COUNTS: StateCounts = {
  ready: 0,
  dependent: 0,
  delayed: 0,
  suspended: 0,
  reserved: 0,
  running: 0,
  lost: 0,
  buried: 0,
  complete: 0,
};
