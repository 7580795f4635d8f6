/** Which jobs a command means: the selectors that status, kill, retry and remove share (spec: cli.md §1.7, since §1.2). */
import type { Selector } from '../core/selector.ts';
import { INCOMPLETE_STATES } from '../core/states.ts';
import type { Client } from './client.ts';
import { UsageError } from './flags.ts';
import type { SelectAround, SelectFlags } from './select-flags.ts';

/** @throws {UsageError} none or several selectors, an empty one, or modifiers of one that is not there */
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
  checkIdentifier(flags);
  if (flags.cmdline === '') throw new UsageError('--cmdline is empty: give the command line as it was added');
  checkDescription(flags);
  if (flags.withDocker && flags.withSingularity) {
    throw new UsageError('--with_docker and --with_singularity are mutually exclusive');
  }
  if (flags.containerMounts && !flags.withDocker && !flags.withSingularity) {
    throw new UsageError('--container_mounts needs --with_docker or --with_singularity');
  }
}

/**
 * The identifier of a variable that is not set would, as a part of a name, be all groups there are.
 * @throws {UsageError}
 */
export function checkIdentifier({ identifier, search, internal }: SelectFlags): void {
  if (identifier === undefined && (search || internal)) throw new UsageError('-z and -y need -i');
  if (identifier === '')
    throw new UsageError('--identifier is empty: name a report group, as given with wr add -i');
}

/** They tell commands of the same text apart: with another selector they would be without effect. */
const DESCRIBING = [
  ['--cwd', 'cwd'],
  ['--mount_json', 'mountJson'],
  ['--mounts', 'mounts'],
  ['--with_docker', 'withDocker'],
  ['--with_singularity', 'withSingularity'],
  ['--container_mounts', 'containerMounts'],
] as const satisfies readonly (readonly [string, keyof SelectFlags])[];

function checkDescription(flags: SelectFlags): void {
  if (flags.file !== undefined || flags.cmdline !== undefined) return;
  const stray = DESCRIBING.find(([, name]) => flags[name] !== undefined && flags[name] !== '');
  if (stray !== undefined)
    throw new UsageError(`${stray[0]} goes with -l or -f, whose commands it describes`);
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
