/** The flags by which commands say which jobs they mean, and what the help says of them (spec: cli.md §1.7). */
import type { FlagSpecs, Flags } from './flags.ts';
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
export const SELECT_HELP = `  -f, --file string         the commands in this file, in the form wr add takes; - is STDIN
  -i, --identifier string   the commands added with this report group (wr add -i)
  -z, --search              -i is a part of the names of report groups
  -y, --internal            -i is the id of one command, as status shows it
  -l, --cmdline string      the command with exactly this command line
  -c, --cwd string          with -l or -f: the directory given with --cwd when it was added
  -j, --mount_json string   with -l or -f: the mounts it was added with
      --mounts string       the same in the simple form
      --with_docker string, --with_singularity string, --container_mounts string
                            with -l or -f: the container it was added with
      --timeout int         seconds to wait for each answer of the manager (default 120)`;

export type SelectFlags = Flags<typeof SELECT_FLAGS> & { readonly all?: boolean };

export interface SelectAround {
  readonly cwd: string;
  readonly deployment: string;
  readonly log: Log;
  /** Status lists what is incomplete when nothing is named; the others want to be told. */
  readonly needed: boolean;
}
