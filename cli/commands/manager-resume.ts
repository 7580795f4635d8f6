import type { Context } from '../command.ts';
import { parse } from '../parse.ts';
import { steer } from '../steer.ts';

export const flags = {} as const;

export const help = `Lets commands start again after "wr manager pause". Of a manager that is not paused it changes nothing.

Usage:
  wr manager resume
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  await steer('resume', config, context);
  context.log.info(`wr manager on port ${config.clientPort} has resumed`);
  return 0;
}
