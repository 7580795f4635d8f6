import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'cloud servers',
  flags: {
    all: { type: 'boolean', short: 'a' },
    identifier: { type: 'string', short: 'i' },
    confirmdead: { type: 'boolean', short: 'd' },
    destroy: { type: 'string' },
    timeout: { type: 'integer' },
  },
  help: `Lists servers that may be dead, confirms that they are, or destroys one.

Usage:
  wr cloud servers [flags]

Flags:
  -a, --all                 with -d: all of them
  -i, --identifier string   with -d: the one with this id
  -d, --confirmdead         confirm that they are dead
      --destroy string      destroy the server with this host name
      --timeout int         seconds to wait for each answer of the manager (default 120)
`,
});
