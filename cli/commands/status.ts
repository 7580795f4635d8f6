import type { JobState } from '../../core/states.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { readFlags } from '../read-flags.ts';
import { parseRecent } from '../recent.ts';
import { checkSelectors, resolveSelectors } from '../select.ts';
import { SELECT_FLAGS, SELECT_HELP } from '../select-flags.ts';
import { outputFormat, StatusOutput } from '../status-output.ts';
import { warnOfWords } from '../stray-words.ts';
import { timeoutMsOf } from '../timeout.ts';

export const flags = {
  ...SELECT_FLAGS,
  output: {
    type: 'string',
    short: 'o',
    values: ['counts', 'summary', 'details', 'table', 'json', 'plain'],
  },
  limit: { type: 'integer' },
  buried: { type: 'boolean', short: 'b' },
  running: { type: 'boolean', short: 'r' },
  pending: { type: 'boolean' },
  dependent: { type: 'boolean' },
  suspended: { type: 'boolean' },
  missing_deps: { type: 'boolean' },
  recent: { type: 'string' },
  env: { type: 'boolean', short: 'e' },
  host: { type: 'string' },
  watch: { type: 'boolean', short: 'w' },
  interval: { type: 'string' },
} as const satisfies FlagSpecs;

export const help = `Shows commands you have added: all that are not complete, or those that you name. Complete commands are shown too
when you name their report group or their id.

Usage:
  wr status [flags]

Which commands:
${SELECT_HELP}

Of these, or of all that are not complete, only:
  -b, --buried              buried ones
  -r, --running             running ones
      --pending             ones that are ready to run
      --dependent           ones that wait for others
      --suspended           suspended ones
      --missing_deps        ones that wait for a dependency group that nobody has seen
      --recent duration     ones that completed within this time, such as 36h, 1.5d or 2w
      --host string         ones that run or ran on this host: name, id or IP

What is shown:
  -o, --output string       (default details)
                            counts, c:   how many are in which state
                            summary, s:  a line for each report group, with resources used
                            details, d:  a paragraph for each command
                            table, t:    a row for each command; $WR_STATUS_FORMAT lays it out
                            json, j:     everything known, for programs
                            plain, p:    id and state of each command; exit code 1 when one is buried
      --limit int           in details, table and json: so many commands of those that have the same state, exit code
                            and problem; 0: all, in the order of adding (default 1)
  -e, --env                 in details: the environment too
  -w, --watch               how far they are, with rate and time left, until nothing is left to come: drawn anew in
                            place on a terminal, else a line now and then
      --interval duration   with --watch: between updates (default 500ms on a terminal, else 10s)

States: ready waits for room to run; dependent waits for other commands; delayed has failed and will be tried again
after a while; suspended was held back with wr suspend; reserved and running are at work; lost was running when contact
with it was lost; buried has failed for good and waits for you (wr retry, wr mod, wr remove); complete has succeeded.
"wr explain ID" says more about a single command.

Examples:
  wr status -o counts
  wr status -i alignment -o s
  wr status -b --limit 0
  wr status -w -i alignment
`;

type Given = ReturnType<typeof readFlags<typeof flags>>['flags'];

const STATE_FILTERS = [
  ['buried', ['buried']],
  ['running', ['reserved', 'running']],
  ['pending', ['ready']],
  ['dependent', ['dependent']],
  ['suspended', ['suspended']],
] as const satisfies readonly (readonly [keyof Given, readonly JobState[]])[];

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  checkSelectors(given, false);
  checkFilters(given);
  const limit = given.limit ?? 1;
  if (limit < 0) throw new UsageError(`--limit value (${limit}) must not be negative; 0 is all`);
  const filters = STATE_FILTERS.filter(([flag]) => given[flag] === true).map(([flag]) => `--${flag}`);
  // Loaded only now, as most calls do without.
  const watching = given.watch || given.interval !== undefined ? await import('../status-watch.ts') : null;
  const watchMs = watching?.watchInterval(given, filters, context.outTerminal) ?? null;
  const config = await context.config(given.deployment);
  warnOfWords(positionals, context.log);
  const timeoutMs = timeoutMsOf(given.timeout);
  const connected = await context.connect(config, { timeoutMs });
  const format = outputFormat(given.output ?? 'details');
  const client = new Client(connected.link, timeoutMs);
  const { cwd, log } = context;
  const selectors = await resolveSelectors(given, client, {
    cwd,
    deployment: config.deployment,
    log,
    needed: false,
  });
  if (watching !== null && watchMs !== null)
    return watching.watchStatus(context, config, connected, selectors, watchMs, timeoutMs);
  const states = STATE_FILTERS.flatMap(([flag, names]) => (given[flag] === true ? [...names] : []));
  const output = new StatusOutput(client, context, {
    output: given.file === undefined,
    layout: context.env.WR_STATUS_FORMAT,
  });
  const env = given.env === true && format === 'details';
  return output.show(format, selectors, {
    states,
    missingDeps: given.missingDeps ?? false,
    ...(given.recent === undefined ? {} : { recentMs: parseRecent(given.recent) }),
    limit,
    env,
    host: given.host ?? '',
  });
}

/** @throws {WrError} filters where they mean nothing */
function checkFilters(given: Given): void {
  const names = [...STATE_FILTERS.map(([name]) => name), 'missingDeps' as const].filter(
    (name) => given[name] === true,
  );
  const named = given.file !== undefined || given.cmdline !== undefined || given.internal === true;
  if (names.length > 0 && named) {
    throw new UsageError(
      '--buried, --running and the like choose among all commands or a report group: not with -f, -l or -y',
    );
  }
  if (given.recent !== undefined) {
    parseRecent(given.recent);
    if (named || given.identifier !== undefined || names.length > 0) {
      throw new UsageError('--recent goes over all report groups and states: not with -f, -i, -l or a state');
    }
  }
}
