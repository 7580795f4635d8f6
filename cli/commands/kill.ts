import { parseTimeOption } from '../../core/job-fields.ts';
import { changeJobs } from '../change.ts';
import type { Context } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { parse } from '../parse.ts';
import { ALL_FLAG, SELECT_FLAGS, SELECT_HELP } from '../select-flags.ts';

export const flags = {
  ...SELECT_FLAGS,
  ...ALL_FLAG,
  confirmdead: { type: 'boolean' },
  age: { type: 'string' },
} as const satisfies FlagSpecs;

export const help = `Stops running commands. They become buried; use "wr retry" to have them run again, or "wr remove". The call returns at
once, the commands end a little later.

Commands that contact was lost with are ended too, on other hosts than the manager's over ssh. With --confirmdead it is
about these alone: you say that they do not run any more. Those that the manager sees running on its own host stay lost.

Usage:
  wr kill [flags]

Which commands (one of -f, -i, -l and -a):
  -a, --all                 every running command
${SELECT_HELP}

Flags:
      --confirmdead         confirm that commands with lost contact are dead
      --age duration        only commands that have been running, or lost, for at least so long

Examples:
  wr kill -i alignment
  wr kill -a --confirmdead --age 2h
`;

const INSTEAD = 'wr status shows in which state they are, wr suspend and wr remove are for those that wait';

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = parse(argv, flags);
  const confirmDead = given.confirmdead ?? false;
  const ageMs = given.age ? parseTimeOption(given.age, '--age') : 0;
  const state = confirmDead ? 'lost' : 'running';
  const { changed, eligible } = await changeJobs(given, positionals, context, {
    change: (client, select) => client.kill(select, { confirmDead, ageMs }),
    ...(given.age ? { none: `No matching jobs found that are ${state} for at least ${given.age}` } : {}),
    noneHint: `only ${state} commands can be ${confirmDead ? 'confirmed dead' : 'killed'}: ${INSTEAD}`,
    unchanged: `none of them is ${state}, so nothing was ${confirmDead ? 'confirmed dead' : 'killed'}: ${INSTEAD}`,
  });
  context.log.info(`Initiated the termination of ${changed} running commands (out of ${eligible} eligible)`);
  return 0;
}
