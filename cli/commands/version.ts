import { VERSION } from '../../core/version.ts';
import type { Context } from '../command.ts';

export const flags = {} as const;

export const help = `Prints the version of this executable.

Usage:
  wr version
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  // Without anything to parse, loading the parser would take most of the time.
  if (argv.length > 0) (await import('../parse.ts')).parse(argv, flags);
  await context.out(`${VERSION}\n`);
  return 0;
}
