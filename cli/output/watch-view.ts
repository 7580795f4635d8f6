/** What `status --watch` and `wait` show of how far things are. */
import type { StateCounts } from '../../core/client-replies.ts';
import { formatDuration } from '../../core/units.ts';
import { grouped } from '../progress.ts';

export interface WatchView {
  readonly counts: StateCounts;
  readonly removed: number;
  /** Ended since the beginning of what is counted, of `total`. */
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  readonly perSecond: number;
  /** `null`: unknown. */
  readonly leftMs: number | null;
  /** Said behind, when it is not as usual. */
  readonly note: string;
}

const BAR_CELLS = 30;

/** Of a terminal: a bar with the share, then figures. */
export function barLines(view: WatchView): readonly string[] {
  const { done, total, perSecond, leftMs, elapsedMs, note } = view;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const cells = Math.floor(share * BAR_CELLS);
  const bar = '#'.repeat(cells) + '-'.repeat(BAR_CELLS - cells);
  // Not before the last: 99.99 % are not all.
  const percent = (Math.floor(share * 1000) / 10).toFixed(1);
  const times = `${rateText(perSecond)}  ${leftText(leftMs)}  ${clock(Math.floor(elapsedMs / 1000) * 1000)} so far`;
  const lines = [`[${bar}] ${percent.padStart(5)}%  ${grouped(done)} of ${grouped(total)}  ${times}`];
  lines.push(stateTexts(view, ': ', grouped).join('  '));
  if (note !== '') lines.push(note);
  return lines;
}

/** Of a log: everything on one line, for programs to split at blanks and `=`. */
export function logLine(view: WatchView): string {
  const { done, total, perSecond, leftMs, elapsedMs, note } = view;
  const left = leftMs === null ? 'unknown' : clock(leftMs);
  const times = `done=${done}/${total} rate=${perSecond.toFixed(1)}/s left=${left} elapsed=${clock(Math.floor(elapsedMs / 1000) * 1000)}`;
  return [times, ...stateTexts(view, '=', String), ...(note === '' ? [] : [`(${note})`])].join(' ');
}

/** Complete, running and ready always; what is seldom only when there is some. */
function stateTexts(
  { counts, removed }: WatchView,
  between: string,
  text: (count: number) => string,
): string[] {
  const usual: readonly (readonly [string, number])[] = [
    ['complete', counts.complete],
    ['running', counts.running + counts.reserved],
    ['ready', counts.ready],
  ];
  const seldom: readonly (readonly [string, number])[] = [
    ['dependent', counts.dependent],
    ['suspended', counts.suspended],
    ['lost', counts.lost],
    ['delayed', counts.delayed],
    ['buried', counts.buried],
    ['removed', removed],
  ];
  const shown = [...usual, ...seldom.filter(([, count]) => count > 0)];
  return shown.map(([label, count]) => `${label}${between}${text(count)}`);
}

function rateText(perSecond: number): string {
  if (perSecond === 0 || perSecond >= 1) return `${grouped(Math.round(perSecond))}/s`;
  return perSecond * 60 >= 1 ? `${Math.round(perSecond * 60)}/min` : `${(perSecond * 3600).toFixed(1)}/h`;
}

function leftText(leftMs: number | null): string {
  return leftMs === null ? 'no telling how long' : `${clock(leftMs)} left`;
}

/** Whole seconds. */
function clock(ms: number): string {
  return formatDuration(Math.ceil(ms / 1000) * 1000);
}
