import { WrError } from '../../core/errors.ts';
import { formatDuration, parseDurationMs } from '../../core/units.ts';
import { Client, TIMEOUT_MS } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { readFlags } from '../read-flags.ts';
import { checkSelectors, resolveSelectors } from '../select.ts';
import { ALL_FLAG, SELECT_FLAGS, SELECT_HELP } from '../select-flags.ts';
import { warnOfWords } from '../stray-words.ts';
import { type WatchEnd, watchToEnd } from '../watch-run.ts';
import { WatchScreen } from '../watch-screen.ts';
import { unfinished, type Watched } from '../watching.ts';

export const flags = {
  ...SELECT_FLAGS,
  ...ALL_FLAG,
  timeout: { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
} as const satisfies FlagSpecs;

export const help = `Waits until the commands you name are over, or all of them, and tells by its exit code how it went. The manager
says when; nothing is asked again and again. When the manager goes away or is restarted, it waits for it to come back.

Usage:
  wr wait [flags]

Which commands (default: all):
  -a, --all                 all that are queued or running
${SELECT_HELP.replace(/^ {6}--timeout.*$/m, `      --timeout duration    give up after this long, such as 90s, 10m or a number of seconds (default: never)`)}

How:
  -q, --quiet               show no progress

Exit codes:
  0    all of them have completed
  1    something is wrong: no manager, no such commands, a bad option
  2    some are buried or were removed, and none is left that will run
  3    what is left waits for something that will not come by itself: it is suspended, held back by a limit of 0, or
       depends on such commands
  124  the time given with --timeout is over

A command that failed and will be tried again is not over. Commands that are added to a report group while it is waited
for belong to it.

Examples:
  wr add -f commands.txt -i alignment && wr wait -i alignment && ./collect.sh
  wr wait --timeout 2h || wr status -b
`;

const EXIT = { complete: 0, failed: 2, stuck: 3, timeout: 124 } as const;
/** Between two pushes. */
const EVERY_MS = 250;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: read, positionals } = readFlags(argv, flags);
  const { timeout, ...given } = read;
  checkSelectors(given, false);
  const patienceMs = timeout === undefined ? 0 : parsePatience(timeout);
  warnOfWords(positionals, context.log);
  const config = await context.config(given.deployment);
  const connected = await context.connect(config, { timeoutMs: TIMEOUT_MS });
  const { cwd, log } = context;
  const around = { cwd, deployment: config.deployment, log, needed: false };
  const selectors = await resolveSelectors(given, new Client(connected.link), around);
  if (selectors.length === 0) throw new WrError('JOB_NOT_FOUND', 'No matching jobs found');
  const isAll = selectors[0]?.by === 'all';
  const screen = new WatchScreen({
    write: (text) => {
      if (context.terminal && !given.quiet) context.err(text);
    },
    terminal: true,
    columns: context.columns,
    sinceNow: isAll,
    now: () => performance.now(),
    lineEveryMs: 0,
  });
  const timeoutMs = TIMEOUT_MS;
  const end = await watchToEnd({
    context,
    config,
    connected,
    selectors,
    timeoutMs,
    everyMs: EVERY_MS,
    screen,
    patienceMs,
    heard: pauseTold(context.log),
  });
  screen.clear();
  return tell(end, isAll, screen, context);
}

/** A pause is no end, as it is over some day; but whoever waits should know what for. */
function pauseTold(log: Context['log']): (watched: Watched) => void {
  let paused = false;
  return ({ mode }) => {
    if (mode === 'paused' && !paused)
      log.warn('the manager is paused: nothing is started before wr manager resume; waiting for that');
    paused = mode === 'paused';
  };
}

/** @throws {UsageError} */
function parsePatience(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : patienceOf(text);
  if (ms > 0) return Math.min(ms, 2 ** 31 - 1);
  throw new UsageError(`--timeout value (${text}) must be more than nothing, like 90 or 1h30m`);
}

function patienceOf(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (cause) {
    const form = 'it must be a number of seconds, or numbers with units h, m and s, like 90 or 1h30m';
    throw new UsageError(`--timeout value (${text}) was not specified correctly: ${form}`, { cause });
  }
}

function tell(end: WatchEnd, isAll: boolean, screen: WatchScreen, { log }: Context): number {
  const { watched } = end;
  const took = formatDuration(Math.round(screen.elapsedMs() / 1000) * 1000);
  if (watched === null) throw new WrError('TIMED_OUT', `nothing was heard of the manager in ${took}`);
  const { counts, missing } = watched;
  const completed = screen.completed(watched);
  const removed = watched.removed + missing;
  const left = unfinished(counts);
  const all = completed + counts.buried + removed + left;
  if (all === 0 && !isAll) throw new WrError('JOB_NOT_FOUND', 'No matching jobs found');
  const parts = [
    `${completed} completed`,
    some(counts.buried, 'buried (wr status -b shows why, wr retry tries again)'),
    some(removed, 'removed'),
    some(counts.suspended, 'suspended (wr resume lets them run)'),
    end.standing === 'timeout' ? '' : some(counts.ready, 'held back by a limit of 0 (wr limit raises it)'),
    some(counts.dependent, 'waiting for others (wr explain ID tells for which)'),
    end.standing === 'timeout' ? some(left, 'not over') : '',
  ];
  const text = `after ${took}, of ${all} commands: ${parts.filter((part) => part !== '').join(', ')}`;
  if (end.standing === 'complete') log.info(all === 0 ? 'Nothing is queued or running' : text);
  else log.warn(end.standing === 'timeout' ? `the time is over ${text}` : text);
  return EXIT[end.standing];
}

function some(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}`;
}
