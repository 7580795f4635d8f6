/** `status -o summary`: a line for each report group, and one for all of them (spec: cli.md §3, since-0.36.md §1.4). */
import type { GroupSummary, Spread, SummaryReply } from '../../core/client-replies.ts';
import { formatDuration } from '../../core/units.ts';
import { shortTime } from './times.ts';
import { visibleName } from './visible.ts';

export function summaryText({ groups, all }: Pick<SummaryReply, 'groups' | 'all'>): string {
  const sorted = [...groups].sort((a, b) => (a.repGroup < b.repGroup ? -1 : 1));
  const lines = sorted.map((group) => figures(visibleName(group.repGroup), group) + buriedText(group));
  if (sorted.length > 1) lines.push(figures('all above', all));
  return `${lines.map((line) => `${line}\n`).join('')}\n`;
}

function figures(label: string, summary: GroupSummary): string {
  const { counts } = summary;
  let line = `${label} : complete=${counts.complete} running=${counts.reserved + counts.running} ready=${counts.ready}`;
  line += ` dependent=${counts.dependent} suspended=${counts.suspended} lost=${counts.lost}`;
  line += ` delayed=${counts.delayed} buried=${counts.buried}`;
  if (counts.complete > 0) {
    line += ` memory=${spreadText(summary.memoryMb, megabytes)} disk=${spreadText(summary.diskMb, megabytes)}`;
    line += ` walltime=${spreadText(summary.wallMs, duration)} cputime=${spreadText(summary.cpuMs, duration)}`;
  }
  if (counts.complete > 1) {
    const { firstStartMs, lastEndMs } = summary;
    line += ` started=${shortTime(firstStartMs)} ended=${shortTime(lastEndMs)} elapsed=${duration(lastEndMs - firstStartMs)}`;
  }
  return line;
}

function spreadText({ mean, sd }: Spread, text: (value: number) => string): string {
  return `${text(mean)}(+/-${text(sd)})`;
}

function megabytes(mb: number): string {
  return `${Math.round(mb)}MB`;
}

/** Means have more digits than clocks. */
function duration(ms: number): string {
  return formatDuration(Math.round(ms * 1000) / 1000);
}

function buriedText({ buried }: GroupSummary): string {
  return buried
    .map(({ exitCode, reason, keys }) => ` exitcode.${exitCode},"${reason}"=${keys.join(',')}`)
    .sort()
    .join('');
}
