import { parseLimitFlag } from '../../core/limit-names.ts';
import { Client, TIMEOUT_MS } from '../client.ts';
import type { Context } from '../command.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { parse } from '../parse.ts';

export const flags = {
  group: { type: 'string', short: 'g' },
} as const satisfies FlagSpecs;

export const help = `Shows the limits of limit groups, or sets one: how many commands of the group may run at once.

Usage:
  wr limit [flags]

Flags:
  -g, --group string        name: show its limit; name:n: let n run at once, 0 none, -1 any number
                            (without it: all limits are listed)

A command belongs to the groups named with wr add --limit_grps and starts when each of them has room. A changed limit
acts at once on what starts; nothing that runs is stopped. Limits are kept when the manager is restarted. Groups without
a limit show -1; so do spans of time ("18:00:00<time<08:00:00"), which need none.

Examples:
  wr limit
  wr limit -g irods
  wr limit -g irods:10
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const { flags: given, positionals } = parse(argv, flags);
  const [first] = positionals;
  if (first !== undefined)
    throw new UsageError(`"${first}" is not understood; name a limit group with --group`);
  const asked = given.group === undefined ? null : parseLimitFlag(given.group);
  const { link } = await context.connect(await context.config(given.deployment), { timeoutMs: TIMEOUT_MS });
  const { limits } = await new Client(link).limits(asked?.name ?? '', asked?.limit ?? null);
  if (asked !== null) await context.out(`${limits[0]?.limit ?? -1}\n`);
  else {
    const sorted = [...limits].sort((a, b) => (a.name < b.name ? -1 : 1));
    await context.out(sorted.map(({ name, limit }) => `${name}: ${limit}\n`).join(''));
  }
  return 0;
}
