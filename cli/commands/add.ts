import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import type { AddBegin } from '../../core/client-requests.ts';
import type { Config } from '../../core/config.ts';
import { refuseUnusable } from '../../core/unusable-options.ts';
import { asGiven, defaultCwd, JOB_FLAGS, optionsFromFlags } from '../add-options.ts';
import { addResult, type Keys, printKeys } from '../add-result.ts';
import { CHUNK_BYTES, type Chunk, streamAdd } from '../add-stream.ts';
import { arrayInput } from '../array-input.ts';
import { Client, newRequestId } from '../client.ts';
import type { Connected, Context } from '../command.ts';
import { type CommandInput, inputOf, openInput, STDIN_NAME } from '../command-input.ts';
import type { DryRunOutput } from '../dry-run.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { lineChunks } from '../line-chunks.ts';
import { capturedEnvironment, isLoopback, isOwnHost } from '../locality.ts';
import { Progress } from '../progress.ts';
import { readFlags } from '../read-flags.ts';
import { RelativePathCheck } from '../relative-paths.ts';
import { repeatedAdd } from '../repeated-add.ts';
import { warnOfWords } from '../stray-words.ts';
import { onlyCommand, syncExit } from '../sync.ts';
import { timeoutMsOf } from '../timeout.ts';
import { Utf8Check } from '../utf8-check.ts';

export const flags = {
  ...JOB_FLAGS,
  file: { type: 'string', short: 'f' },
  array: { type: 'string' },
  head: { type: 'integer' },
  remote_same_as_local: { type: 'boolean' },
  rerun: { type: 'boolean' },
  dry_run: { type: 'boolean' },
  output: { type: 'string', values: ['table', 'details', 'json'] },
  limit: { type: 'integer' },
  disable_relative_check: { type: 'boolean' },
  timeout: { type: 'integer' },
  simple: { type: 'boolean', short: 's' },
  sync: { type: 'boolean' },
} as const satisfies FlagSpecs;

export const help = `Adds commands to the queue. Each line of the input is a command, run by your shell in a directory of its own, which is
removed when it has ended (with --cwd_matters: where you are):

  sort -u in.txt > out.txt                            the command alone
  sort -u in.txt > out.txt<TAB>{"memory":"5G"}        with options of its own, as JSON
  {"cmd":"sort -u in.txt > out.txt","priority":3}     everything as JSON

Flags are the defaults of lines that do not say otherwise; a line's JSON keys have the names of the flags. The input
is all added or, when a line is wrong, not at all. A command that is in the queue already, or that has completed, is a
duplicate and is not added again (but see --rerun). It ends when its shell does: what it starts with & is not waited
for, and finds its directory removed, unless the line ends with "; wait".

Usage:
  wr add [flags]
  wr add --array indexes [flags] 'command {}'

Input:
  -f, --file string         the commands; - is STDIN (default -)
      --array string        instead of a file: one command, given as an argument, for each of these indexes, such as
                            1-1000, 1-100:2 or 1,5,9-12; every {} in it is the index, which it also finds in
                            $WR_ARRAY_INDEX (as JSON: {"cmd":"sort {}.txt","array":"1-1000"})
      --head int            add only the first so many commands; 0: all (default 0)

What belongs together:
  -i, --rep_grp string      report group, by which you ask about the commands later (default manually_added)
  -g, --req_grp string      commands of a group need about the same memory and time, which is learned (default: the
                            name of the program that the command begins with)
  -l, --limit_grps string   limit groups, comma-separated; "name:5" lets 5 of the group run at once (see wr limit). A
                            span of time, "18:00:00<time<08:00:00" or "2030-01-31 12:00:00<datetime", lets them
                            start only then
  -e, --dep_grps string     dependency groups that the commands belong to, comma-separated
  -d, --deps string         wait for all commands of these dependency groups, also for those that are added later: then
                            commands that wait, wait longer, and those that have completed run again behind them
      --cmd_deps string     wait for single commands that are in the queue now: cmd1,cwd1,cmd2,cwd2… (cwd blank where it
                            does not matter)

Where and how it runs:
  -c, --cwd string          where working directories are made (default: the current directory)
      --cwd_matters         run in --cwd itself instead of in a directory of its own below it
      --change_home         $HOME is the working directory (not with --cwd_matters)
      --env string          variables to set: NAME=value,NAME2=value2
      --modules string      environment modules to load, comma-separated
      --group string        Unix group to run as, one that you are in
      --on_failure string   what to do when it fails, as JSON: [{"run":"cmd"},{"cleanup":true}]
      --on_success string   the same when it succeeds
      --on_exit string      the same in either case (default [{"cleanup":true}]; '' turns that off)
  -j, --mount_json string   S3 buckets to mount, as JSON
      --mounts string       the same in a simple form: [c|u][r|w]:[profile@]bucket[/path],…
      --with_docker string  run in a container of this docker image
      --with_singularity string
                            run in a container of this singularity image
      --container_mounts string
                            directories to see inside: /outside[:/inside],…
      --container_image_user
                            run as the user of the docker image instead of as you
      --monitor_docker string
                            count the resources of this container too: its name, a cidfile, or ? for the first one

What it needs:
  -m, --memory string       peak memory, such as 500M or 1.5G (default 1G)
  -t, --time string         run time, such as 90m or 1h30m (default 1h)
      --cpus float          cores, fractions allowed (default 1)
      --disk int            GB of disk (default 0)
      --resources string    units of counted resources that nobody else has meanwhile, such as gpu:1,licence:2. The
                            manager is told what there is with wr manager start --resources. The command finds the
                            numbers of its units in WR_RESOURCE_GPU, such as 0,2 (and in CUDA_VISIBLE_DEVICES)
  -o, --override string     no: what was learned counts; higher: only when it is more; always: yours (default no)
      --queue string        queue of the scheduler, or several to choose among
      --queues_avoid string parts of names of queues not to use
      --misc string         further options for the scheduler
      --cloud_os, --cloud_username, --cloud_flavor, --cloud_script, --cloud_config_files string
      --cloud_ram int, --cloud_shared
                            what a server in the cloud must be like

Order and failure:
  -p, --priority int        0 to 255, higher first (default 0)
  -r, --retries int         0 to 255: attempts after the first (default 3)
  -n, --no_retry_over_walltime string
                            no further attempt when it failed after running for longer than this
      --max_fails int       stop the report group once so many of its commands have been buried: no more of it is
                            started; what waits, or is added later, is suspended. Burials count from now on; wr resume
                            or wr retry of commands of the group lets it go on and counts anew. -1: no limit any more
      --rerun               also run what has completed before; it is then found under both identifiers

This call:
      --dry_run             only try: say what would be added, what would be a duplicate and why, what each line was
                            understood to say and what it would wait for; nothing is queued, stored or limited
      --output string       with --dry_run: table, details, or json for programs (default table)
      --limit int           with --dry_run: show so many commands; 0: all (default 20, in json all)
  -s, --simple              print the internal id of each command now in the queue, and nothing else
      --sync                wait for the command, only one, and exit with its exit code
      --bsub                let the command use bsub, bjobs and bkill, which then stand for wr (see wr lsf bsub
                            --help); runs in --cwd itself unless --cwd_matters=false
      --remote_same_as_local
                            send environment and current directory to a manager on another host too
      --disable_relative_check
                            no warning about paths that look relative
      --timeout int         seconds to wait for each answer of the manager (default 120)

What to do after a command is a list of steps, carried out in order, all of them: {"run":"cmd"}, in the command's own
directory and environment; {"cleanup":true}, which removes that directory, but nothing that it did not make;
{"remove":true}, which takes the command out of the queue once it is buried; {"nothing":true}. Steps of --on_exit come
last. What goes wrong with them is shown with the command, and changes nothing of how it ended.

What commands of a requirement group (-g) used is remembered, and the next ones are given that instead of what you ask
for, unless --override says otherwise; what you do not ask for is learned in any case. 'wr status -o details' tells
where each figure comes from. A command that ran out of memory, time or disk is given more at its next attempt (not
with --override always).

Examples:
  echo 'gzip big.file' | wr add --cwd_matters
  wr add -f commands.txt -i alignment -m 8G -t 2h --cpus 4 -r 1
  printf 'true\\t{"priority":9}\\n' | wr add -i urgent
  wr add -f commands.txt --dry_run
  wr add --cwd_matters --array 1-1000 'convert frame{}.png frame{}.jpg'

Refused until they can be carried out: --mount_json, --mounts, --with_docker, --with_singularity, --container_mounts,
--container_image_user, --monitor_docker.
`;

type Given = ReturnType<typeof readFlags<typeof flags>>['flags'];

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  if ((given.head ?? 0) < 0)
    throw new UsageError(`--head value (${given.head}) must not be negative; 0 is all`);
  if (given.array === undefined)
    warnOfWords(positionals, context.log, 'commands come from STDIN or a file (-f), one a line');
  const dryRun = await dryRunOf(given, context);
  const config = await context.config(given.deployment);
  const home = context.env.HOME ?? homedir();
  const local = { deployment: config.deployment, home, cwd: defaultCwd(context.cwd, context.env) };
  refuseUnusable(optionsFromFlags(given, local), 'added', asGiven(given)); // Wrong flags are told before anything is opened.
  const input = arrayInput(given, positionals) ?? (await openInput(given.file ?? '-'));
  const timeoutMs = timeoutMsOf(given.timeout);
  if (input.name === STDIN_NAME && process.stdin.isTTY)
    context.log.info('type the commands, one a line; Ctrl-D ends them (wr add --help says more)');
  try {
    const only = given.sync ? await onlyCommand(input) : undefined;
    const connected = await context.connect(config, { timeoutMs });
    const near = await isNear(given, config, connected, new Client(connected.link, timeoutMs));
    const cwd = near || given.cwdMatters === true ? local.cwd : '/tmp';
    if (!near && cwd === '/tmp' && given.cwd === undefined) {
      context.log.warn(
        'the manager is on another host: commands will run in /tmp there, as no --cwd was given',
      );
    }
    if (given.cwd && !isAbsolute(given.cwd))
      context.log.warn(
        `--cwd value (${given.cwd}) is relative to where runners are started, not to here: give an absolute path`,
      );
    const begin = {
      requestId: newRequestId(),
      defaults: optionsFromFlags(given, { ...local, cwd }),
      ...(near && dryRun === null ? { env: capturedEnvironment(context.env) } : {}),
      rerun: given.rerun ?? false,
      head: given.head ?? 0,
      wantKeys: given.simple === true || given.sync === true,
      ...(dryRun === null ? {} : { dryRun: { show: dryRun.show } }),
    };
    const add: Add = { begin, input, timeoutMs, context, config, given, only, dryRun };
    return await repeatedAdd(connected, {
      send: (link) => sendOnce(add, link),
      reconnect: () => context.connect(config, { timeoutMs }),
      // Of a dry run, what was shown would be shown again.
      rewind: () => dryRun === null && input.rewind(),
      log: context.log,
    });
  } finally {
    await input.close();
  }
}

/** @returns `null` when the add is meant */
async function dryRunOf(given: Given, context: Context): Promise<DryRunOutput | null> {
  if (given.dryRun === undefined && given.output === undefined && given.limit === undefined) return null;
  return (await import('../dry-run.ts')).dryRunOutput(given, context);
}

interface Add {
  readonly begin: Omit<AddBegin, 'type' | 'id'>;
  readonly input: CommandInput;
  readonly timeoutMs: number;
  readonly context: Context;
  readonly config: Config;
  readonly given: Given;
  /** With `--sync`: the one line there is. */
  readonly only: Uint8Array | undefined;
  /** Of an add that is only tried. */
  readonly dryRun: DryRunOutput | null;
}

/** Whether environment and current directory mean something where the commands will run (cli.md §2.3). */
async function isNear(given: Given, config: Config, { host }: Connected, client: Client): Promise<boolean> {
  if (given.remoteSameAsLocal ?? config.remoteSameAsLocal) return true;
  // Behind a local port there may be a tunnel to a manager elsewhere: it knows.
  if (isLoopback(host)) return isOwnHost((await client.managerStatus()).address.replace(/:\d+$/, ''));
  return isOwnHost(host);
}

async function sendOnce(
  { begin, input, timeoutMs, context, config, given, only, dryRun }: Add,
  connected: Connected,
): Promise<number> {
  const progress = context.terminal
    ? new Progress(context.err, () => performance.now(), input.size, context.columns)
    : undefined;
  const check = given.disableRelativeCheck ? undefined : new RelativePathCheck(begin.defaults, context);
  const keys: Keys = [];
  const chunks = lineChunks(only === undefined ? input.fill : inputOf(only, input.name).fill, CHUNK_BYTES);
  const known = check === undefined ? chunks : checked(chunks, check);
  const utf8 = dryRun === null ? undefined : new Utf8Check();
  let reply: Awaited<ReturnType<typeof streamAdd>>;
  try {
    reply = await streamAdd(connected.link, {
      begin,
      chunks: utf8 === undefined ? known : checked(known, utf8),
      timeoutMs,
      onProgress: (commands, bytes) => progress?.update(commands, bytes),
      onKeys: (part) => keys.push(part.slice()),
      ...(dryRun === null ? {} : { onDryLines: (lines) => dryRun.lines(lines) }),
    });
  } finally {
    progress?.done();
  }
  for (const warning of [...(check?.warnings ?? []), ...(utf8?.warnings ?? []), ...reply.warnings])
    context.log.warn(warning);
  if (dryRun !== null) await dryRun.end(reply.added + reply.queued + reply.complete);
  if (given.sync) return syncExit(keys, context, config, { first: connected, timeoutMs });
  if (given.simple) return printKeys(keys, context);
  return addResult(reply, begin.defaults.repGroup, input.name, context.log, dryRun !== null);
}

async function* checked(
  chunks: AsyncIterable<Chunk>,
  check: { look(bytes: Uint8Array): void },
): AsyncGenerator<Chunk> {
  for await (const chunk of chunks) {
    check.look(chunk.bytes);
    yield chunk;
  }
}
