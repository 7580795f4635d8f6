/** `wr status --watch`: how far things are, pushed by the manager, until there is nothing left to come. */
import type { Config } from '../core/config.ts';
import { parseTimeOption } from '../core/job-fields.ts';
import type { Selector } from '../core/selector.ts';
import type { Connected, Context } from './command.ts';
import { UsageError } from './flags.ts';
import { watchToEnd } from './watch-run.ts';
import { WatchScreen } from './watch-screen.ts';

const TERMINAL_EVERY_MS = 500;
const LINES_EVERY_MS = 10_000;

export interface WatchFlags {
  readonly watch?: boolean;
  readonly interval?: string;
  readonly output?: string;
  readonly limit?: number;
  readonly env?: boolean;
  readonly host?: string;
  readonly recent?: string;
}

/**
 * @param filters - states that were asked for
 * @returns ms between updates, `null` when nothing is to be watched
 * @throws {UsageError} what does not go together
 */
export function watchInterval(
  flags: WatchFlags,
  filters: readonly string[],
  terminal: boolean,
): number | null {
  if (!flags.watch) {
    if (flags.interval !== undefined) throw new UsageError('--interval goes with --watch');
    return null;
  }
  const { output, limit, env, host, recent } = flags;
  const others = { '--limit': limit, '--env': env, '--host': host, '--recent': recent };
  const clash = Object.entries(others).find(([, value]) => value !== undefined)?.[0] ?? filters[0];
  if (clash !== undefined)
    throw new UsageError(
      `--watch shows how many commands are in which state: not with ${clash}; choose with -i, -f or -l`,
    );
  if (output !== undefined && !['counts', 'c'].includes(output))
    throw new UsageError(`--watch shows counts: not with --output ${output}`);
  if (flags.interval === undefined) return terminal ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
  const everyMs = parseTimeOption(flags.interval, '--interval');
  if (everyMs < 100) throw new UsageError(`--interval must be 100ms or more, not "${flags.interval}"`);
  return everyMs;
}

/** @returns the exit code */
export async function watchStatus(
  context: Context,
  config: Config,
  connected: Connected,
  selectors: readonly Selector[],
  everyMs: number,
  timeoutMs: number,
): Promise<number> {
  const terminal = context.outTerminal;
  const screen = new WatchScreen({
    write: (text) => void context.out(text),
    terminal,
    columns: context.columns,
    sinceNow: selectors[0]?.by === 'all',
    now: () => performance.now(),
    lineEveryMs: everyMs,
  });
  if (selectors.length === 0) return 0;
  await watchToEnd({
    context,
    config,
    connected,
    selectors,
    timeoutMs,
    everyMs: Math.min(everyMs, TERMINAL_EVERY_MS),
    screen,
    patienceMs: 0,
  });
  screen.end();
  return 0;
}
