import { hexToKey } from '../../core/identity.ts';
import type { Selector } from '../../core/selector.ts';
import { INCOMPLETE_STATES, type JobState } from '../../core/states.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { UsageError } from '../flags.ts';
import { incompleteJobs } from '../lsf/incomplete-jobs.ts';
import { type JobId, jobIds } from '../lsf/job-ids.ts';
import { readFlags } from '../read-flags.ts';

export const flags = {} as const;

export const help = `Kills commands that bsub added, as bkill of LSF does, and takes them out of the queue. It returns when they have ended.

Usage:
  wr lsf bkill ID…

ID is the number that bsub printed and that bjobs shows; of a job array 12[3], or 12[1-5,9], is some of its commands.
`;

/** A command may start between being looked at and being removed; after so many times something else is wrong. */
const ROUNDS_MAX = 10;
/** A runner has them. */
const HELD: readonly JobState[] = ['reserved', 'running', 'lost'];

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = readFlags(argv, flags);
  if (positionals.length === 0) throw new UsageError('job ID must be specified');
  const ids = jobIds(positionals);
  const { link } = await context.connect(await context.config(given.deployment));
  const client = new Client(link);
  const targets: Target[] = [];
  for (const id of ids) {
    const select = await selectorOf(client, id);
    await context.out(
      `Job <${id.text}>${select === null ? ': Job has already finished' : ' is being terminated'}\n`,
    );
    if (select !== null) targets.push({ id, select });
  }
  await end(client, targets, context);
  return 0;
}

/** What is to be killed, as it was named and as the manager is asked. */
interface Target {
  readonly id: JobId;
  readonly select: Selector;
}

/** What an id stands for; `null`: for nothing that is not over. */
async function selectorOf(client: Client, id: JobId): Promise<Selector | null> {
  if (id.indexes === null) {
    const select: Selector = { by: 'bsub', ids: [id.id] };
    return (await isLeft(client, select)) ? select : null;
  }
  const jobs = await incompleteJobs(client, [id]);
  const keys = jobs.flatMap(({ Key }) => hexToKey(Key) ?? []);
  return keys.length === 0 ? null : { by: 'keys', keys: Buffer.concat(keys) };
}

async function isLeft(client: Client, select: Selector): Promise<boolean> {
  const { counts } = await client.counts({ select, states: INCOMPLETE_STATES });
  return INCOMPLETE_STATES.some((state) => counts[state] > 0);
}

/** Kills what runs, and removes all of them once they have ended. */
async function end(client: Client, targets: readonly Target[], { log }: Context): Promise<void> {
  let left = targets;
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round += 1) {
    for (const { select } of left) {
      await client.kill(select, { confirmDead: false, ageMs: 0 });
      // Contact with these is lost: who kills them says that they are dead.
      await client.kill(select, { confirmDead: true, ageMs: 0 });
    }
    const held = await incompleteJobs(
      client,
      left.map(({ id }) => id),
      HELD,
    );
    await Promise.all(held.map((job) => settled(client, job)));
    const still: Target[] = [];
    for (const target of left) {
      await client.remove(target.select, false);
      if (await isLeft(client, target.select)) still.push(target);
    }
    left = still;
  }
  if (left.length === 0) return;
  const ids = left.map(({ id }) => id.text).join(' ');
  log.warn(`some of these commands are still there; see "wr lsf bjobs ${ids}"`);
}

async function settled(client: Client, { Key }: StatusJob): Promise<void> {
  const key = hexToKey(Key);
  if (key !== null) await client.settle(key);
}
