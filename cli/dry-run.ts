/** What `wr add --dry_run` shows: what each line was understood to say, and what would become of it. */
import type { DryLine } from '../core/client-replies.ts';
import type { DryWait } from '../core/dry-waits.ts';
import type { Context } from './command.ts';
import { UsageError } from './flags.ts';
import { detailsText } from './output/details.ts';
import { secondsText } from './output/times.ts';
import { visibleName } from './output/visible.ts';

const OUTPUTS = ['table', 'details', 'json'] as const;
/** Commands shown, unless the user says otherwise or it is for a program. */
const SHOWN = 20;

export interface DryRunFlags {
  readonly dryRun?: boolean;
  readonly output?: string;
  readonly limit?: number;
  readonly simple?: boolean;
  readonly sync?: boolean;
}

export interface DryRunOutput {
  /** So many commands are asked for; 0: all. */
  readonly show: number;
  lines(lines: readonly DryLine[]): Promise<void>;
  /** @param commands - in the whole input */
  end(commands: number): Promise<void>;
}

/**
 * @returns `null` when the add is meant
 * @throws {UsageError} flags that contradict each other
 */
export function dryRunOutput(flags: DryRunFlags, context: Pick<Context, 'out'>): DryRunOutput | null {
  if (!flags.dryRun) {
    if (flags.output !== undefined)
      throw new UsageError('--output goes with --dry_run; the override is -o or --override');
    if (flags.limit !== undefined)
      throw new UsageError('--limit goes with --dry_run; --head adds only the first so many commands');
    return null;
  }
  if (flags.simple || flags.sync)
    throw new UsageError('--dry_run adds nothing, so there is no id to print and nothing to wait for');
  const word = flags.output ?? 'table';
  const output = OUTPUTS.find((name) => name === word || name[0] === word);
  if (output === undefined)
    throw new UsageError(`--output must be one of ${OUTPUTS.join(', ')} with --dry_run, not "${word}"`);
  const show = flags.limit ?? (output === 'json' ? 0 : SHOWN);
  if (show < 0) throw new UsageError(`--limit value (${show}) must not be negative; 0 is all`);
  return output === 'json' ? jsonOutput(show, context) : textOutput(output, show, context);
}

function jsonOutput(show: number, { out }: Pick<Context, 'out'>): DryRunOutput {
  let first = true;
  const element = ({ line, verdict, job, waits }: DryLine): string => {
    const { State: _state, wr: _ours, ...said } = job;
    const text = `${first ? '[' : ','}${JSON.stringify({ Line: line, Verdict: verdict, WaitsFor: waits.map(waitJson), ...said })}`;
    first = false;
    return text;
  };
  return {
    show,
    lines: (lines) => out(lines.map(element).join('')),
    end: () => out(first ? '[]\n' : ']\n'),
  };
}

function textOutput(output: 'table' | 'details', show: number, { out }: Pick<Context, 'out'>): DryRunOutput {
  let shown = 0;
  return {
    show,
    lines: async (lines) => {
      const header = output === 'table' && shown === 0 ? row(HEADERS) : '';
      shown += lines.length;
      await out(header + lines.map(output === 'table' ? tableLine : paragraph).join(''));
    },
    end: async (commands) => {
      if (shown < commands) await out(`+ ${commands - shown} further commands (--limit 0 shows all)\n`);
      if (shown > 0) await out('\n');
    },
  };
}

const HEADERS = ['Line', 'Verdict', 'Memory', 'Time', 'Cores', 'Priority', 'Report group', 'Command'];
const WIDTHS = [7, 8, 8, 8, 5, 8, 16, 0];
const RIGHT = new Set([0, 2, 3, 4, 5]);

function tableLine({ line, verdict, job, waits }: DryLine): string {
  const { ExpectedRAM, ExpectedTime, Cores, Priority, RepGroup, Cmd } = job;
  const time = secondsText(ExpectedTime);
  const texts = [RepGroup, Cmd].map(visibleName);
  const waited = waits.length === 0 ? '' : `${WAITS_INDENT}waits for ${waits.map(waitText).join(', ')}\n`;
  return row([line, verdict, `${ExpectedRAM}MB`, time, Cores, Priority, ...texts].map(String)) + waited;
}

/** Below the verdict. */
const WAITS_INDENT = ' '.repeat(9);

function waitText({ name, group, is }: DryWait): string {
  const text = visibleName(name);
  return `${group ? `dependency group "${text}"` : `"${text}"`} (${WAIT_MEANING[is]})`;
}

const WAIT_MEANING: Readonly<Record<DryWait['is'], string>> = {
  queued: 'in the queue',
  added: 'in this input',
  done: 'complete, so it does not wait',
  unseen: 'not seen so far',
  absent: 'not in the queue so far, so it does not wait',
};

function waitJson({ name, group, is }: DryWait): unknown {
  return { [group ? 'DepGroup' : 'Cmd']: name, State: is };
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => {
    const width = WIDTHS[i] ?? 0;
    return RIGHT.has(i) ? cell.padStart(width) : cell.padEnd(width);
  });
  return `${padded.join('  ').trimEnd()}\n`;
}

/** As status shows a command, but for what has not come of it yet. */
function paragraph({ line, verdict, job, waits }: DryLine): string {
  const text = detailsText(job, { nowMs: 0, output: false, env: false });
  const waited = waits.map((wait) => `Waits for: ${waitText(wait)}\n`).join('');
  return `${text.slice(0, text.lastIndexOf('Status: '))}${waited}Line ${line}: ${MEANING[verdict]}\n`;
}

const MEANING: Readonly<Record<DryLine['verdict'], string>> = {
  new: 'would be added',
  queued: 'a duplicate, it is in the queue already',
  complete: 'a duplicate, it completed before',
  repeated: 'a duplicate, it stands earlier in this input',
};
