import { WrError } from '../../core/errors.ts';
import type { Reason } from '../../core/explain.ts';
import { hexToKey } from '../../core/identity.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { visible, visibleName } from '../output/visible.ts';
import { readFlags } from '../read-flags.ts';
import { timeoutMsOf } from '../timeout.ts';

export const flags = {
  cmdline: { type: 'string', short: 'l' },
  cwd: { type: 'string', short: 'c' },
  output: { type: 'string', short: 'o', values: ['text', 'json'] },
  timeout: { type: 'integer' },
} as const satisfies FlagSpecs;

export const help = `Says why a command is not running, or what became of it, and what to do about it: what it waits for (other commands, a
limit, a time of day, room on this machine, its turn), that it is held back, or how it failed.

Usage:
  wr explain ID... [flags]
  wr explain -l COMMAND [flags]

Which commands:
  ID                        internal ids, as status and wr add --simple show them
  -l, --cmdline string      the command with exactly this command line
  -c, --cwd string          with -l: the directory given with --cwd when it was added
      --timeout int         seconds to wait for each answer of the manager (default 120)

What is shown:
  -o, --output string       text, or json for programs (default text)

Examples:
  wr explain 861cbd16703eebf08b05b1dc99c69847
  wr explain $(wr status -i alignment --pending -o plain | head -n 1 | cut -f 1)
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  const isJson = checkOutput(given.output ?? 'text');
  if (positionals.length === 0 && given.cmdline === undefined)
    throw new UsageError('name a command: by its id, or by its command line with -l');
  if (positionals.length > 0 && given.cmdline !== undefined)
    throw new UsageError('ids and -l are mutually exclusive');
  if (given.cwd !== undefined && given.cmdline === undefined) throw new UsageError('-c goes with -l');
  const keys = positionals.map(keyOf);
  const config = await context.config(given.deployment);
  const timeoutMs = timeoutMsOf(given.timeout);
  const { link } = await context.connect(config, { timeoutMs });
  const client = new Client(link, timeoutMs);
  if (given.cmdline !== undefined) {
    const { keysOfCommand } = await import('../describe.ts');
    const around = { cwd: context.cwd, deployment: config.deployment, log: context.log, needed: true };
    keys.push(
      ...keysOfSelectors((await keysOfCommand(given.cmdline, given, around).existing(client)).selectors),
    );
    if (keys.length === 0) throw new WrError('JOB_NOT_FOUND', 'No matching jobs found');
  }
  const parts: string[] = [];
  for (const key of keys) {
    const { job, reasons } = await client.explain(key);
    if (job === null)
      throw new WrError('JOB_NOT_FOUND', `no command has the id ${Buffer.from(key).toString('hex')}`);
    parts.push(isJson ? asJson(job, reasons) : asText(job, reasons));
  }
  await context.out(isJson ? `[${parts.join(',')}]\n` : parts.join('\n'));
  return 0;
}

/** @throws {UsageError} */
function checkOutput(word: string): boolean {
  if (word === 'json' || word === 'j') return true;
  if (word === 'text' || word === 't') return false;
  throw new UsageError(`--output must be text or json, not "${word}"`);
}

/** @throws {UsageError} */
function keyOf(id: string): Uint8Array {
  const key = hexToKey(id);
  if (key === null)
    throw new UsageError(
      `"${id}" is no internal id: one has 32 hex digits, as wr status -o plain prints them`,
    );
  return key;
}

function keysOfSelectors(selectors: readonly { readonly by: string }[]): Uint8Array[] {
  return selectors.flatMap((select) => {
    if (!('keys' in select) || !(select.keys instanceof Uint8Array)) return [];
    const { keys } = select;
    return Array.from({ length: keys.byteLength / 16 }, (_, i) => keys.subarray(i * 16, i * 16 + 16));
  });
}

function asText({ Cmd, RepGroup, Key, State }: StatusJob, reasons: readonly Reason[]): string {
  const lines = [`# ${visible(Cmd)}`, `Id: ${visibleName(RepGroup)} (${Key})`, `State: ${State}`];
  for (const { text, todo } of reasons)
    lines.push(`Why: ${text}`, ...(todo === '' ? [] : [`What to do: ${todo}`]));
  return `${lines.join('\n')}\n`;
}

function asJson({ Key, RepGroup, Cmd, State }: StatusJob, reasons: readonly Reason[]): string {
  const shown = reasons.map(({ cause, text, todo }) => ({ Cause: cause, Text: text, ToDo: todo }));
  return JSON.stringify({ Key, RepGroup, Cmd, State, Reasons: shown });
}
