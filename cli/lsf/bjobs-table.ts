/** What bjobs prints (spec: cloud-and-mounts.md §7.3). */
import { WrError } from '../../core/errors.ts';
import type { StatusJob } from '../../core/status-job.ts';

export interface BjobsAround {
  readonly user: string;
  readonly queue: string;
  /** Where the manager is. */
  readonly fromHost: string;
}

export interface BjobsFormat {
  readonly fields: readonly Field[];
  /** `null`: aligned columns. */
  readonly delimiter: string | null;
  readonly header: boolean;
}

type Cell = (job: StatusJob, around: BjobsAround) => string;

const CELLS = {
  JOBID: (job) => String(job.wr?.bsubId ?? 0),
  USER: (_, { user }) => user,
  STAT: ({ State }) => STATS[State] ?? 'UNKWN',
  QUEUE: (_, { queue }) => queue,
  FROM_HOST: (_, { fromHost }) => fromHost,
  EXEC_HOST: ({ Host }) => Host,
  JOB_NAME: ({ RepGroup, ArrayIndex }) => (ArrayIndex === null ? RepGroup : `${RepGroup}[${ArrayIndex}]`),
  SUBMIT_TIME: ({ Started }) => (Started === null ? '' : moment(new Date(Started * 1000))),
  JOBINDEX: ({ ArrayIndex }) => String(ArrayIndex ?? 0),
} as const satisfies Record<string, Cell>;
export type Field = keyof typeof CELLS;
const FIELDS = Object.keys(CELLS) as readonly Field[];
/** Shown when none are asked for: JOB_NAME says the index too. */
const USUAL_FIELDS = FIELDS.filter((name) => name !== 'JOBINDEX');

const STATS: Readonly<Record<string, string>> = {
  delayed: 'PEND',
  dependent: 'PEND',
  ready: 'PEND',
  reserved: 'PEND',
  running: 'RUN',
  lost: 'UNKWN',
  buried: 'EXIT',
  complete: 'DONE',
  // As LSF calls a job that its user held back before it started.
  suspended: 'PSUSP',
};
const GAP = 3;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DELIMITER = /\bdelimiter=(?:"([^"]*)"|'([^']*)'|(\S+))/i;

/**
 * @param output - of `-o`: names of fields and a delimiter; `undefined`: all fields, aligned
 * @throws {WrError} BAD_OPTION for a field there is not
 */
export function bjobsFormat(output: string | undefined, header: boolean): BjobsFormat {
  if (output === undefined) return { fields: USUAL_FIELDS, delimiter: null, header };
  const delimiter = DELIMITER.exec(output);
  const words = output.replace(DELIMITER, ' ').split(/\s+/);
  const fields = words.filter((word) => word !== '').map(field);
  if (fields.length === 0) throw new WrError('BAD_OPTION', `-o names no field: ${allFields()}`);
  return { fields, delimiter: delimiter?.[1] ?? delimiter?.[2] ?? delimiter?.[3] ?? ' ', header };
}

function field(word: string): Field {
  const name = word.toUpperCase();
  if (Object.hasOwn(CELLS, name)) return name as Field;
  throw new WrError('BAD_OPTION', `-o: unsupported field '${word}'; ${allFields()}`);
}

function allFields(): string {
  return `there are ${FIELDS.join(' ')}`;
}

/** The listing, which has at least one job. */
export function bjobsTable(jobs: readonly StatusJob[], format: BjobsFormat, around: BjobsAround): string {
  const { fields, delimiter, header } = format;
  // An empty cell would shift the others for who splits at blanks.
  const rows = jobs.map((job) => fields.map((name) => CELLS[name](job, around) || '-'));
  if (header) rows.unshift([...fields]);
  if (delimiter !== null) return rows.map((row) => `${row.join(delimiter)}\n`).join('');
  const widths = fields.map((_, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd((widths[column] as number) + GAP)).join('');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function moment(at: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${MONTHS[at.getMonth()]} ${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
