import { userInfo } from 'node:os';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { bjobsFormat, bjobsTable } from '../lsf/bjobs-table.ts';
import { incompleteJobs } from '../lsf/incomplete-jobs.ts';
import { jobIds } from '../lsf/job-ids.ts';
import { readFlags } from '../read-flags.ts';

export const flags = {
  output: { type: 'string', short: 'o' },
  queue: { type: 'string', short: 'q' },
  wide: { type: 'boolean', short: 'w' },
  // What main makes of -noheader, which is no flag as others are.
  noheader: { type: 'boolean' },
} as const satisfies FlagSpecs;

export const help = `Lists the commands that bsub added and that are not complete, as bjobs of LSF does.

Usage:
  wr lsf bjobs [flags] [ID…]

Flags:
  -o, --output string       fields to show, and what stands between them: 'JOBID STAT delimiter=","' (default: all of
                            JOBID USER STAT QUEUE FROM_HOST EXEC_HOST JOB_NAME SUBMIT_TIME, in columns; JOBINDEX
                            is that of a job array's command, else 0)
  -q, --queue string        what to show as QUEUE; there is only one (default wr)
  -w, --wide                no effect: nothing is ever cut off
      --noheader            no header line; -noheader, as LSF has it, is understood too

STAT is PEND for a command that waits, PSUSP when it is suspended, RUN, EXIT when it is buried, and UNKWN when contact
with it is lost. The commands of a job array have one ID, and their index behind JOB_NAME; as ID, 12[3] is one of them.
SUBMIT_TIME is when it was started; what is not known yet is shown as -.
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  const ids = jobIds(positionals);
  const format = bjobsFormat(given.output, given.noheader !== true);
  const { link } = await context.connect(await context.config(given.deployment));
  const client = new Client(link);
  const jobs = await incompleteJobs(client, ids);
  if (jobs.length === 0) {
    await context.out('No unfinished job found\n');
    return 0;
  }
  const around = {
    user: userName(context.env),
    queue: given.queue ?? 'wr',
    fromHost: (await client.managerStatus()).host,
  };
  await context.out(bjobsTable(jobs, format, around));
  return 0;
}

function userName(env: Context['env']): string {
  try {
    return userInfo().username;
  } catch {
    return env.USER ?? ''; // A user id without an entry in the system's list, as containers have.
  }
}
