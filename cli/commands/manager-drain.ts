import type { Context } from '../command.ts';
import { readPidFile } from '../daemon.ts';
import { confirmEnd } from '../manager-end.ts';
import { parse } from '../parse.ts';
import { steer, whatRuns } from '../steer.ts';

export const flags = {} as const;

export const help = `Starts no more commands, and stops the manager once those that run have ended. Commands that wait go on waiting,
and run after the next start. Say it again to see how many are left. It cannot be undone; "wr manager stop" ends
those that run.

Usage:
  wr manager drain
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  const { reply, connected } = await steer('drain', config, context);
  const name = `wr manager on port ${config.clientPort}`;
  if (reply.running > 0) {
    context.log.info(`${name} is draining; ${whatRuns(reply)}`);
    return 0;
  }
  context.log.info(`${name} is drained: ${whatRuns(reply)}, so it stops right away`);
  // Where its process can be seen, its end is what counts: the connection ends a little earlier.
  const file = readPidFile(config.pidFile);
  const isSeen = file.state === 'running' && file.pid === reply.pid;
  await confirmEnd(reply.pid, config, context, isSeen ? undefined : connected);
  return 0;
}
