import { homedir } from 'node:os';
import { WrError } from '../../core/errors.ts';
import type { Reply } from '../../core/protocol.ts';
import { refuseUnusableChanges } from '../../core/unusable-options.ts';
import { asGiven } from '../add-options.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import {
  changesFromFlags,
  MOD_FLAGS,
  namesChanges,
  refuseUnchangeable,
  UNCHANGEABLE,
} from '../mod-options.ts';
import { parse } from '../parse.ts';
import { grouped, PROGRESS_AFTER_MS } from '../progress.ts';
import { checkIdentifier, resolveSelectors } from '../select.ts';
import { warnOfWords } from '../stray-words.ts';
import { timeoutMsOf } from '../timeout.ts';

export const flags = {
  ...MOD_FLAGS,
  all: { type: 'boolean', short: 'a' },
  identifier: { type: 'string', short: 'i' },
  search: { type: 'boolean', short: 'z' },
  internal: { type: 'boolean', short: 'y' },
  timeout: { type: 'integer' },
} as const satisfies FlagSpecs;

export const help = `Changes commands that wait: ready, delayed, waiting for others, suspended or buried ones. Those that run are left as
they are. What waits for a changed command goes on waiting for it. Nothing is started while the change is made.

Each command changed is told on STDOUT: its id before and after. A command, its directory (with --cwd_matters), mounts
and containers are part of the id; a command that would become the same as another one is left as it is.

Usage:
  wr mod [flags]

Which commands (one of -a and -i):
  -a, --all                 every command that neither runs nor has completed
  -i, --identifier string   those added with this report group
  -z, --search              -i is a part of the names of report groups
  -y, --internal            -i is the id of one command

What changes: these flags, as wr add has them, each only if given; an empty text clears the setting:
  -c, --cwd, --cwd_matters, --change_home, --env, --modules, --group, --on_failure, --on_success, --on_exit,
  -g, --req_grp, -m, --memory, -t, --time, --cpus, --disk, --resources, -o, --override, -p, --priority, -r, --retries,
  -l, --limit_grps, -d, --deps, --cmd_deps, -j, --mount_json, --mounts, --with_docker, --with_singularity,
  --container_mounts, --container_image_user, --monitor_docker, --queue, --queues_avoid, --cloud_os, --cloud_username,
  --cloud_ram, --cloud_flavor, --cloud_script, --cloud_config_files, --cloud_shared

A queue or cloud option replaces all of them; --deps or --cmd_deps replaces all dependencies; what is given for one of
--on_failure, --on_success and --on_exit replaces what was to be done then. --memory and --time of 0 change nothing.

And:
      --cmdline string      the command itself, of one command
      --unset_cwd_matters, --unset_change_home, --unset_cloud_shared, --unset_container_image_user
                            switch these off
      --timeout int         seconds to wait for each answer of the manager (default 120)

Buried commands stay buried until wr retry.

Examples:
  wr mod -i alignment -m 16G
  wr mod -i alignment --retries 5 && wr retry -i alignment
  wr mod -y -i 0123456789abcdef0123456789abcdef --cmdline 'sort -u in.txt > out.txt'
`;

type Given = ReturnType<typeof parse<typeof flags>>['flags'];

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = parse(argv, { ...flags, ...UNCHANGEABLE });
  refuseUnchangeable(given);
  checkSelectors(given);
  warnOfWords(positionals, context.log, 'name commands with -i');
  const timeoutMs = timeoutMsOf(given.timeout);
  const config = await context.config(given.deployment);
  const { cwd, log, env } = context;
  const changes = changesFromFlags(given, {
    deployment: config.deployment,
    home: env.HOME ?? homedir(),
    cwd,
  });
  refuseUnusableChanges(changes.options, asGiven(given));
  const { link } = await context.connect(config, { timeoutMs });
  const client = new Client(link, timeoutMs);
  const around = { cwd, deployment: config.deployment, log, needed: true };
  const { all, identifier, search, internal } = given;
  const asked = Object.fromEntries(
    Object.entries({ all, identifier, search, internal }).filter(([, value]) => value !== undefined),
  );
  const [select] = await resolveSelectors(asked, client, around);
  const told = new Told(context);
  const {
    changed,
    eligible,
    warnings = [],
  } = await client.modify(select ?? { by: 'all' }, changes, (part) => told.take(part));
  await told.done();
  if (eligible === 0) throw new WrError('JOB_NOT_FOUND', 'No matching jobs found');
  log.info(`Modified ${changed} incomplete, non-running commands (out of ${eligible} eligible)`);
  for (const warning of warnings) log.warn(warning);
  return 0;
}

function checkSelectors(given: Given): void {
  const { all, identifier, cmdline } = given;
  if (all && identifier !== undefined) throw new UsageError('-i and -a are mutually exclusive');
  if (all && cmdline !== undefined)
    throw new UsageError('--cmdline changes one command: name it with -i and -y instead of -a');
  checkIdentifier(given);
  if (!all && identifier === undefined) throw new UsageError('one of -i or -a is required');
  if (!namesChanges(given)) throw new UsageError('name what is to change: wr mod --help lists the flags');
}

/** Prints what has changed as it is told, and how far it is where someone watches. */
class Told {
  readonly #context: Context;
  readonly #startMs = performance.now();
  #printed: Promise<void> = Promise.resolve();
  #drawn = false;

  constructor(context: Context) {
    this.#context = context;
  }

  take(part: Reply): void {
    if (part.type === 'modified') {
      const text = pairsText(part.pairs);
      this.#printed = this.#printed.then(() => this.#context.out(text));
    } else if (part.type === 'modProgress' && this.#context.terminal) this.#draw(part.done, part.total);
  }

  async done(): Promise<void> {
    if (this.#drawn) this.#context.err('\r\u001B[K');
    await this.#printed;
  }

  #draw(done: number, total: number): void {
    if (performance.now() - this.#startMs < PROGRESS_AFTER_MS) return;
    this.#drawn = true;
    this.#context.err(`\r\u001B[KModifying ${grouped(done)} of ${grouped(total)} commands`);
  }
}

const KEY_BYTES = 16;
const ARROW = [...Buffer.from(' => ')];
const DIGITS = [...Buffer.from('0123456789abcdef')] as number[];
const NEWLINE = 10;
const LINE_BYTES = 1 + 2 * KEY_BYTES + ARROW.length + 2 * KEY_BYTES + 1;

/**
 * ` <old id> => <new id>` a line. Byte by byte: a million lines as texts would take twice as long, beside a manager at work.
 * @param pairs - 32 bytes a command
 */
function pairsText(pairs: Uint8Array): Uint8Array {
  const text = Buffer.allocUnsafe((pairs.length / (2 * KEY_BYTES)) * LINE_BYTES);
  let to = 0;
  const put = (from: number): void => {
    for (let at = from; at < from + KEY_BYTES; at += 1) {
      const byte = pairs[at] as number;
      text[to++] = DIGITS[byte >> 4] as number;
      text[to++] = DIGITS[byte & 15] as number;
    }
  };
  for (let from = 0; from < pairs.length; from += 2 * KEY_BYTES) {
    text[to++] = 0x20;
    put(from);
    for (const byte of ARROW) text[to++] = byte;
    put(from + KEY_BYTES);
    text[to++] = NEWLINE;
  }
  return text;
}
