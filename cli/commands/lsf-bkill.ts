import type { Selector } from '../../core/client-requests.ts';
import { hexToKey } from '../../core/identity.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { UsageError } from '../flags.ts';
import { incompleteJobs } from '../lsf/incomplete-jobs.ts';
import { jobIds } from '../lsf/job-ids.ts';
import { readFlags } from '../read-flags.ts';

export const flags = {} as const;

export const help = `Kills commands that bsub added, as bkill of LSF does, and takes them out of the queue. It returns when they have ended.

Usage:
  wr lsf bkill ID…

ID is the number that bsub printed and that bjobs shows.
`;

/** A command may start between being looked at and being removed; after so many times something else is wrong. */
const ROUNDS_MAX = 10;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  if (positionals.length === 0) throw new UsageError('job ID must be specified');
  const ids = jobIds(positionals);
  const { link } = await context.connect(await context.config(given.deployment));
  const client = new Client(link);
  const found = new Set((await incompleteJobs(client, ids)).map((job) => job.wr?.bsubId));
  for (const id of ids) {
    const text = found.has(id) ? `Job <${id}> is being terminated` : `Job <${id}>: Job has already finished`;
    await context.out(`${text}\n`);
  }
  if (found.size > 0) await end(client, ids, context);
  return 0;
}

/** Kills what runs, and removes all of them once they have ended. */
async function end(client: Client, ids: readonly number[], context: Context): Promise<void> {
  const select: Selector = { by: 'bsub', ids };
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    await client.kill(select, { confirmDead: false, ageMs: 0 });
    // Contact with these is lost: who kills them says that they are dead.
    await client.kill(select, { confirmDead: true, ageMs: 0 });
    const left = await incompleteJobs(client, ids);
    await Promise.all(left.filter(isHeld).map((job) => settled(client, job)));
    await client.remove(select, false);
    if ((await incompleteJobs(client, ids)).length === 0) return;
  }
  context.log.warn(`some of these commands are still there; see "wr lsf bjobs ${ids.join(' ')}"`);
}

function isHeld({ State }: StatusJob): boolean {
  return State === 'reserved' || State === 'running' || State === 'lost';
}

async function settled(client: Client, { Key }: StatusJob): Promise<void> {
  const key = hexToKey(Key);
  if (key !== null) await client.settle(key);
}
