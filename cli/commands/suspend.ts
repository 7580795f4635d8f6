import { laterCommand } from '../later.ts';
import { SELECT_HELP } from '../select.ts';

export const { flags, help, run } = laterCommand({
  name: 'suspend',
  flags: {
    all: { type: 'boolean', short: 'a' },
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
  },
  help: `Holds commands back that are ready, delayed or waiting for others, until "wr resume".

Usage:
  wr suspend [flags]

Which commands (one of -f, -i, -l and -a):
  -a, --all                 every command that is not complete
${SELECT_HELP}
`,
});
