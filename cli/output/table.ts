/** `status -o table`: a row for each command, in columns the user may choose (spec: since-0.36.md §1.5). */
import { WrError } from '../../core/errors.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { visible } from './visible.ts';

export const DEFAULT_LAYOUT = 'command:36 id:32 status:12 attempts:8 host:16 reqgroup:18 count:5';

interface Field {
  readonly header: string;
  readonly names: readonly string[];
  readonly right?: boolean;
  readonly text: (job: StatusJob, groupSize: number) => string;
}

const FIELDS: readonly Field[] = [
  { header: 'Command', names: ['command', 'cmd'], text: (job) => visible(job.Cmd) },
  { header: 'ID', names: ['id', 'jobid', 'key'], text: (job) => job.Key },
  { header: 'Status', names: ['status', 'state'], text: stateText },
  { header: 'Attempts', names: ['attempts', 'tries'], right: true, text: (job) => String(job.Attempts) },
  { header: 'Host', names: ['host'], text: (job) => job.Host || job.HostID || job.HostIP },
  {
    header: 'Requirements group',
    names: ['reqgroup', 'requirements', 'requirementsgroup'],
    text: (job) => job.ReqGroup,
  },
  { header: 'Count', names: ['count', 'similar'], right: true, text: (_job, groupSize) => String(groupSize) },
];

export interface Column {
  readonly field: Field;
  readonly width: number;
}

/**
 * @param layout - blank-separated `FIELD:width`; case, `-` and `_` of fields do not count
 * @throws {WrError} BAD_OPTION saying what a layout looks like
 */
export function parseLayout(layout: string): readonly Column[] {
  return layout
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [name = '', width = '', ...rest] = word.split(':');
      if (name === '' || width === '' || rest.length > 0) throw bad(`"${word}" must be FIELD:width`);
      if (!/^[1-9]\d*$/.test(width)) throw bad(`the width of "${word}" must be a positive whole number`);
      const plain = name.toLowerCase().replace(/[-_]/g, '');
      const field = FIELDS.find(({ names }) => names.includes(plain));
      if (field === undefined)
        throw bad(`"${name}" is no field; there are ${FIELDS.map(({ names }) => names[0]).join(', ')}`);
      return { field, width: Math.max(Number(width), field.header.length) };
    });
}

export function tableHeader(columns: readonly Column[]): string {
  return line(columns, ({ header }) => header);
}

/** @param groupSize - commands of the same state, exit code and problem */
export function tableRow(columns: readonly Column[], job: StatusJob, groupSize: number): string {
  return line(columns, ({ text }) => text(job, groupSize));
}

/** Rows of which each says how large its group is: what is shown of it and what `--limit` hides. */
export function groupedRows(columns: readonly Column[], jobs: readonly StatusJob[]): string {
  const groupOf = (job: StatusJob): string => `${job.State} ${job.Exitcode} ${job.FailReason}`;
  const sizes = new Map<string, number>();
  for (const job of jobs) sizes.set(groupOf(job), (sizes.get(groupOf(job)) ?? 0) + 1 + job.Similar);
  return jobs.map((job) => tableRow(columns, job, sizes.get(groupOf(job)) ?? 1)).join('');
}

function line(columns: readonly Column[], text: (field: Field) => string): string {
  const cells = columns.map(({ field, width }) => cell(text(field), width, field.right === true));
  return `${cells.join('  ').trimEnd()}\n`;
}

/** Cut by code point, as half a character would spoil the line; line ends inside a command would break the row. */
function cell(text: string, width: number, right: boolean): string {
  const points = [...text.replace(/[\r\n\t]/g, ' ')];
  const cut =
    points.length <= width
      ? points
      : width <= 3
        ? points.slice(0, width)
        : [...points.slice(0, width - 3), '.', '.', '.'];
  const padding = ' '.repeat(width - cut.length);
  return right ? padding + cut.join('') : cut.join('') + padding;
}

function stateText(job: StatusJob): string {
  if (job.State === 'reserved') return 'running';
  return job.State === 'dependent' && job.WaitingForDepGroups?.length ? 'waiting-deps' : job.State;
}

function bad(why: string): WrError {
  return new WrError('BAD_OPTION', `WR_STATUS_FORMAT: ${why}`);
}
