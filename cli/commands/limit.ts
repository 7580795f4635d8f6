import { UsageError } from '../flags.ts';
import { laterCommand } from '../later.ts';

function refusePositionals([first]: readonly string[]): void {
  if (first !== undefined)
    throw new UsageError(`"${first}" is not understood; name a limit group with --group`);
}

export const { flags, help, run } = laterCommand({
  name: 'limit',
  flags: {
    group: { type: 'string', short: 'g' },
  },
  help: `Shows the limits of limit groups, or sets one: how many commands of the group may run at once.

Usage:
  wr limit [flags]

Flags:
  -g, --group string        name: show its limit; name:n: let n run at once, 0 none, -1 any number
                            (without it: all limits are listed)
`,
  check: refusePositionals,
});
