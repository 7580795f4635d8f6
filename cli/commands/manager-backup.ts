import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WrError } from '../../core/errors.ts';
import { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { isOwnHost } from '../locality.ts';
import { parse } from '../parse.ts';

export const flags = { path: { type: 'string', short: 'p' } } as const satisfies FlagSpecs;

export const help = `Writes a consistent copy of the database while the manager works. To go back to it, stop the manager and put the copy in
the place of the database (ManagerDBFile of wr conf).
The copy holds the environments of commands: it is private to you.

Usage:
  wr manager backup --path FILE

Flags:
  -p, --path string         where to (required); a file that is there is replaced once the copy is whole
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  if (!given.path) throw new UsageError('--path is required: where the copy goes');
  const path = resolve(context.cwd, given.path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new WrError('BAD_INPUT', `--path value (${given.path}) is a directory`, {
      hint: 'name a file in it',
    });
  if (!existsSync(dirname(path)))
    throw new WrError('BAD_INPUT', `--path value (${given.path}): there is no directory ${dirname(path)}`, {
      hint: 'make it first',
    });
  const config = await context.config(given.deployment);
  const { link, host } = await context.connect(config);
  if (!isOwnHost(host)) {
    throw new WrError('BAD_INPUT', `the manager writes to disks of ${host}: run wr manager backup there`, {
      hint: '',
    });
  }
  await new Client(link).backup(path);
  return 0;
}
