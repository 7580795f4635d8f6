import { changeJobs } from '../change.ts';
import type { Context } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { parse } from '../parse.ts';
import { ALL_FLAG, SELECT_FLAGS, SELECT_HELP } from '../select-flags.ts';

export const flags = {
  ...SELECT_FLAGS,
  ...ALL_FLAG,
  buried: { type: 'boolean', short: 'b' },
} as const satisfies FlagSpecs;

export const help = `Takes commands out of the queue that neither run nor have completed. A command that others depend on can only be removed
together with those. Those that run are left alone: end them with wr kill first. No files are removed.

Usage:
  wr remove [flags]

Which commands (one of -f, -i, -l and -a):
  -a, --all                 every command that neither runs nor has completed
${SELECT_HELP}

Flags:
  -b, --buried              only buried commands

Examples:
  wr remove -i alignment --buried
  wr remove -f commands.txt
`;

const INSTEAD = 'wr status shows in which state they are, wr kill ends those that run';

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = parse(argv, flags);
  const buried = given.buried ?? false;
  const {
    changed,
    eligible,
    held = 0,
  } = await changeJobs(given, positionals, context, {
    change: (client, select) => client.remove(select, buried),
    noneHint: `${buried ? 'only buried commands are removed with -b' : 'running and complete commands are not removed'}: ${INSTEAD}`,
  });
  const kind = buried ? 'buried' : 'incomplete, non-running';
  context.log.info(`Removed ${changed} ${kind} commands (out of ${eligible} eligible)`);
  if (held > 0) context.log.warn(heldText(held));
  else if (changed === 0) context.log.warn(`none of them can be removed as it is: ${INSTEAD}`);
  return 0;
}

function heldText(held: number): string {
  const [are, them] = held === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${held} of them ${are} kept, as others depend on ${them}: name those too, or remove them first (wr status --dependent shows what waits)`;
}
