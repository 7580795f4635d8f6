/** Commands named by what they are, from the command line or from a file (spec: cli.md §1.7, since-0.36.md §1.2). */
import { type IdentityOptions, jobKey } from '../core/identity.ts';
import { checkContainerMounts } from '../core/job-fields.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../core/job-options.ts';
import { mountsFromFlags } from './add-options.ts';
import { openInput } from './command-input.ts';
import { KeyList } from './key-list.ts';
import { readKeys } from './keys-of-file.ts';
import type { SelectAround, SelectFlags } from './select-flags.ts';

/** The keys a command may have that is named by its text. */
export function keysOfCommand(cmd: string, flags: SelectFlags, around: SelectAround): KeyList {
  const list = new KeyList();
  const options = describedOptions(flags, around);
  list.addLine(flags.cwd ? bothKeys(cmd, options) : [jobKey(cmd, options)]);
  return list;
}

/** @throws {WrError} BAD_INPUT, BAD_LINE with the line's number */
export async function keysOfFile(flags: SelectFlags, around: SelectAround): Promise<KeyList> {
  const input = await openInput(flags.file ?? '');
  try {
    const list = new KeyList();
    await readKeys(input, describedOptions(flags, around), around.deployment, (cmd, options) => {
      list.addLine(bothKeys(cmd, options));
    });
    return list;
  } finally {
    await input.close();
  }
}

/** Whoever names a command need not know whether its directory mattered when it was added. */
function bothKeys(cmd: Uint8Array | string, options: IdentityOptions): readonly Uint8Array[] {
  const { cwdMatters } = options;
  return [jobKey(cmd, options), jobKey(cmd, { ...options, cwdMatters: !cwdMatters })];
}

function describedOptions(flags: SelectFlags, { cwd }: SelectAround): JobOptions {
  return {
    ...DEFAULT_JOB_OPTIONS,
    cwd: flags.cwd || cwd,
    mounts: mountsFromFlags(flags),
    withDocker: flags.withDocker ?? '',
    withSingularity: flags.withSingularity ?? '',
    containerMounts: checkContainerMounts(flags.containerMounts ?? '', '--container_mounts'),
  };
}
