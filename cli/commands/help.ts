import type { Context } from '../command.ts';
import { findCommand, groupHelp } from '../find-command.ts';
import { fittedHelp } from '../output/fit-help.ts';
import { parse } from '../parse.ts';

export const flags = {} as const;

export const help = `Prints the help of a command, the same as its --help.

Usage:
  wr help [command…]

Example:
  wr help manager start
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const found = findCommand(parse(argv, flags).positionals, context.commands);
  const text =
    found.kind === 'group' ? groupHelp(found.path, found.children) : (await found.entry.load()).help;
  await context.out(fittedHelp(text, context));
  return 0;
}
