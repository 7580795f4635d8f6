import type { Context } from '../command.ts';
import { parse } from '../parse.ts';
import { steer, whatRuns } from '../steer.ts';

export const flags = {} as const;

export const help = `Starts no more commands until "wr manager resume"; those that run go on. Commands may still be added, changed and
removed. A manager that is started again is still paused.

Usage:
  wr manager pause
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  const { reply } = await steer('pause', config, context);
  context.log.info(`wr manager on port ${config.clientPort} is paused; ${whatRuns(reply)}`);
  return 0;
}
