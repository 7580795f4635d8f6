/** The table at the end of a run. */

/** One figure of the table, as measured. */
export interface Row {
  readonly figure: string;
  readonly target: string;
  readonly measured: string;
  /** What was measured for comparison in the same run, '' when nothing. */
  readonly reference: string;
  /** Measured against the reference, '' when there is none. */
  readonly ratio: string;
  readonly met: boolean;
}

const HEADINGS = ['figure', 'target', 'measured', 'reference, same run', 'ratio', 'met'] as const;

/** Markdown, with columns of equal width so that it reads on a terminal too. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.figure,
    row.target,
    row.measured,
    row.reference,
    row.ratio,
    row.met ? 'yes' : 'NO',
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
