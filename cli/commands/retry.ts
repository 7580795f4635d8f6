import { changeJobs } from '../change.ts';
import type { Context } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { parse } from '../parse.ts';
import { ALL_FLAG, SELECT_FLAGS, SELECT_HELP } from '../select-flags.ts';

export const flags = { ...SELECT_FLAGS, ...ALL_FLAG } as const satisfies FlagSpecs;

export const help = `Queues buried commands again, once you have corrected what made them fail. They get all their attempts anew. Commands
that are delayed after a failure need no retry: they are tried again by themselves.

Usage:
  wr retry [flags]

Which commands (one of -f, -i, -l and -a):
  -a, --all                 every buried command
${SELECT_HELP}

Examples:
  wr status -b                       why they failed
  wr retry -a
  wr retry -i alignment
`;

const INSTEAD = 'wr status shows in which state they are, wr add --rerun runs complete ones again';

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = parse(argv, flags);
  const { changed, eligible } = await changeJobs(given, positionals, context, {
    change: (client, select) => client.retry(select),
    noneHint: `only buried commands can be retried: ${INSTEAD}`,
    unchanged: `none of them is buried, so nothing is retried: ${INSTEAD}`,
  });
  context.log.info(`Initiated retry of ${changed} buried commands (out of ${eligible} eligible)`);
  return 0;
}
