/** Which jobs a command means: the selectors that status, kill, retry and remove share (spec: cli.md §1.7, since §1.2). */
import type { Selector } from '../core/client-requests.ts';
import { INCOMPLETE_STATES } from '../core/states.ts';
import type { Client } from './client.ts';
import { type FlagSpecs, type Flags, UsageError } from './flags.ts';
import type { Log } from './log.ts';

export const SELECT_FLAGS = {
  file: { type: 'string', short: 'f' },
  cmdline: { type: 'string', short: 'l' },
  identifier: { type: 'string', short: 'i' },
  search: { type: 'boolean', short: 'z' },
  internal: { type: 'boolean', short: 'y' },
  cwd: { type: 'string', short: 'c' },
  mount_json: { type: 'string', short: 'j' },
  mounts: { type: 'string' },
  with_docker: { type: 'string' },
  with_singularity: { type: 'string' },
  container_mounts: { type: 'string' },
  timeout: { type: 'integer' },
} as const satisfies FlagSpecs;

export const ALL_FLAG = { all: { type: 'boolean', short: 'a' } } as const satisfies FlagSpecs;

/** What the help of every selecting command says about them. */
export const SELECT_HELP = `  -f, --file string        the commands in this file, in the form wr add takes; - is STDIN
  -i, --identifier string  the commands added with this report group (wr add -i)
  -z, --search             -i is a part of the names of report groups
  -y, --internal           -i is the id of one command, as status shows it
  -l, --cmdline string     the command with exactly this command line
  -c, --cwd string         with -l or -f: the directory given with --cwd when it was added
  -j, --mount_json string  with -l or -f: the mounts it was added with
      --mounts string      the same in the simple form
      --with_docker string, --with_singularity string, --container_mounts string
                           with -l or -f: the container it was added with
      --timeout int        seconds to wait for each answer of the manager (default 120)`;

export type SelectFlags = Flags<typeof SELECT_FLAGS> & { readonly all?: boolean };

export interface SelectAround {
  readonly cwd: string;
  readonly deployment: string;
  readonly log: Log;
  /** Status lists what is incomplete when nothing is named; the others want to be told. */
  readonly needed: boolean;
}

/** @throws {UsageError} none or several selectors, or modifiers of one that is not there */
export function checkSelectors(flags: SelectFlags, needed: boolean): void {
  const given = [
    flags.file !== undefined,
    flags.identifier !== undefined,
    flags.cmdline !== undefined,
    flags.all === true,
  ];
  const count = given.filter(Boolean).length;
  const names = needed ? '-f, -i, -l and -a' : '-f, -i and -l';
  if (count > 1) throw new UsageError(`${names} are mutually exclusive`);
  if (count === 0 && needed) throw new UsageError('one of -f, -i, -l or -a is required');
  if (flags.identifier === undefined && (flags.search || flags.internal))
    throw new UsageError('-z and -y need -i');
  if (flags.withDocker && flags.withSingularity) {
    throw new UsageError('--with_docker and --with_singularity are mutually exclusive');
  }
  if (flags.containerMounts && !flags.withDocker && !flags.withSingularity) {
    throw new UsageError('--container_mounts needs --with_docker or --with_singularity');
  }
}

/**
 * What to send to the manager: several selectors where there are too many keys for one message, none where no command of
 * a file exists. Commands that do not exist are counted in a warning.
 * @throws {WrError} BAD_INPUT, BAD_LINE with the line's number, BAD_OPTION
 */
export async function resolveSelectors(
  flags: SelectFlags,
  client: Client,
  around: SelectAround,
): Promise<readonly Selector[]> {
  if (flags.identifier !== undefined && flags.internal) {
    const { hexToKey } = await import('../core/identity.ts');
    const key = hexToKey(flags.identifier);
    if (key === null) throw new UsageError(`"${flags.identifier}" is no internal id: one has 32 hex digits`);
    return [{ by: 'keys', keys: key }];
  }
  if (flags.identifier !== undefined) {
    return [{ by: 'repGroup', repGroup: flags.identifier, search: flags.search ?? false }];
  }
  if (flags.file === undefined && flags.cmdline === undefined) return [{ by: 'all' }];
  // Loaded only now, as reading commands takes half of the program.
  const { keysOfCommand, keysOfFile } = await import('./describe.ts');
  const keys =
    flags.cmdline === undefined
      ? await keysOfFile(flags, around)
      : keysOfCommand(flags.cmdline, flags, around);
  // What changes jobs never looks through those that are complete.
  const found = await keys.existing(client, around.needed ? INCOMPLETE_STATES : []);
  const missing = keys.lines - found.lines;
  if (flags.file !== undefined && missing > 0)
    around.log.warn(`${missing}/${keys.lines} cmds were not found`);
  return found.selectors;
}
