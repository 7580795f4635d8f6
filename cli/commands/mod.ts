import { JOB_FLAGS } from '../add-options.ts';
import type { FlagSpecs } from '../flags.ts';
import { laterCommand } from '../later.ts';

const {
  rep_grp: _repGrp,
  dep_grps: _depGrps,
  misc: _misc,
  bsub: _bsub,
  reserve_timeout: _reserveTimeout,
  no_retry_over_walltime: _noRetry,
  ...CHANGEABLE
} = JOB_FLAGS;

const MOD_FLAGS = {
  ...CHANGEABLE,
  all: { type: 'boolean', short: 'a' },
  identifier: { type: 'string', short: 'i' },
  search: { type: 'boolean', short: 'z' },
  internal: { type: 'boolean', short: 'y' },
  cmdline: { type: 'string' },
  unset_cwd_matters: { type: 'boolean' },
  unset_change_home: { type: 'boolean' },
  unset_cloud_shared: { type: 'boolean' },
  unset_container_image_user: { type: 'boolean' },
  timeout: { type: 'integer' },
} as const satisfies FlagSpecs;

export const { flags, help, run } = laterCommand({
  name: 'mod',
  flags: MOD_FLAGS,
  help: `Changes commands that are queued and not running.

Usage:
  wr mod [flags]

Which commands:
  -a, --all                 every command that neither runs nor has completed
  -i, --identifier string   those added with this report group
  -z, --search              -i is a part of the names of report groups
  -y, --internal            -i is the id of one command

What changes: the flags of wr add, each only if given; an empty text clears the setting. And:
      --cmdline string      the command itself, of one command
      --unset_cwd_matters, --unset_change_home, --unset_cloud_shared, --unset_container_image_user
                            switch these off
`,
});
