import type { AddedReply } from '../../core/client-replies.ts';
import type { AddBegin } from '../../core/client-requests.ts';
import { asWrError } from '../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { CHUNK_BYTES, streamAdd } from '../add-stream.ts';
import { newRequestId, TIMEOUT_MS } from '../client.ts';
import type { Context } from '../command.ts';
import { inputOf, openInput } from '../command-input.ts';
import { UsageError } from '../flags.ts';
import { type Fill, lineChunks } from '../line-chunks.ts';
import { capturedEnvironment } from '../locality.ts';
import { BsubScript } from '../lsf/bsub-script.ts';
import { inputLines } from '../lsf/input-lines.ts';
import { type ParentJob, parentJob } from '../lsf/parent-job.ts';
import { readFlags } from '../read-flags.ts';
import { repeatedAdd } from '../repeated-add.ts';

export const flags = {} as const;

export const help = `Adds one command, typed or piped in as to bsub of LSF, so that programs made for LSF can use wr. It prompts with
"bsub> " for each line until the input ends.

Usage:
  wr lsf bsub < script
  bsub < script             where bsub is a link to wr, as it is for commands added with wr add --bsub

The script:
  #BSUB -J name             report group (default bsub)
  #BSUB -J name[1-10]%4     a job array: the command once for each index, which it finds in $LSB_JOBINDEX; with %4 at
                            most four at once, which is a limit of the limit group of that name (see wr limit)
  #BSUB -n cores            cores (default 1)
  #BSUB -M megabytes        peak memory, whatever was learned (default 1000)
  #BSUB -q, -R, -W, -o, …   other options of one letter are LSF's alone and have no effect; several may be on one line
  anything else             the command, run by your shell in the current directory

It is given an hour and no retries, and may itself call bsub, bjobs and bkill. Called by a command of wr, it takes over
that command's mounts, its requests to the scheduler and its deployment.

It prints "Job <n> is submitted to default queue <wr>." and n is what bjobs and bkill know it by. The exit code is 255
when there is no command, or it is in the queue already.
`;

/** What LSF's own bsub exits with. */
const NOT_SUBMITTED = 255;
const MEMORY_MB = 1000;
const HOUR_MS = 3_600_000;
/** As `wr add -o always`. */
const OVERRIDE_ALWAYS = 2;
const PROMPT = 'bsub> ';

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  if (positionals.length > 0) throw new UsageError('bsub takes the command on STDIN, not as arguments');
  const input = await openInput('-');
  try {
    return await bsub(input.fill, given.deployment, context);
  } finally {
    await input.close();
  }
}

/** @returns the exit code */
export async function bsub(fill: Fill, deployment: string | undefined, context: Context): Promise<number> {
  const parent = parentJob(context.env.WR_BSUB_CONFIG);
  const config = await context.config(deployment ?? (parent.deployment || undefined));
  let script: BsubScript;
  let line: string;
  try {
    script = await prompted(fill, context);
    line = script.line();
  } catch (thrown) {
    // Programs made for LSF look for that line.
    return notSubmitted(`${asWrError(thrown).message}.`, context);
  }
  if (script.program === '') return notSubmitted('No command is specified.', context);
  const begin = {
    requestId: newRequestId(),
    defaults: optionsOf(script, parent, context.cwd, config.deployment),
    env: capturedEnvironment(context.env),
    rerun: true,
    head: 0,
    wantKeys: false,
  };
  const reply = await submit(begin, line, context, () => context.connect(config));
  if (reply.added === 0) return notSubmitted('Duplicate command specified.', context);
  await context.out(`Job <${reply.bsubId}> is submitted to default queue <wr>.\n`);
  return 0;
}

async function prompted(fill: Fill, context: Context): Promise<BsubScript> {
  const script = new BsubScript();
  await context.out(PROMPT);
  for await (const line of inputLines(fill)) {
    script.take(line);
    await context.out(PROMPT);
  }
  return script;
}

function optionsOf(
  { program, repGroup, limitGroups, cpus, memoryMb }: BsubScript,
  { mounts, other }: ParentJob,
  cwd: string,
  deployment: string,
): JobOptions {
  return {
    ...DEFAULT_JOB_OPTIONS,
    cwd,
    cwdMatters: true,
    repGroup,
    limitGroups,
    reqGroup: program,
    cpus: cpus ?? 1,
    memoryMb: memoryMb || MEMORY_MB,
    memorySet: memoryMb !== null,
    override: memoryMb === null ? 0 : OVERRIDE_ALWAYS,
    timeMs: HOUR_MS,
    retries: 0,
    onExit: [],
    mounts,
    other,
    bsubMode: deployment,
  };
}

async function submit(
  begin: Omit<AddBegin, 'type' | 'id'>,
  text: string,
  context: Context,
  connect: () => ReturnType<Context['connect']>,
): Promise<AddedReply> {
  const line = inputOf(Buffer.from(`${text}\n`), 'the command');
  return repeatedAdd(await connect(), {
    send: ({ link }) =>
      streamAdd(link, { begin, chunks: lineChunks(line.fill, CHUNK_BYTES), timeoutMs: TIMEOUT_MS }),
    reconnect: connect,
    rewind: () => line.rewind(),
    log: context.log,
  });
}

async function notSubmitted(why: string, context: Context): Promise<number> {
  await context.out(`${why} Job not submitted.\n`);
  return NOT_SUBMITTED;
}
