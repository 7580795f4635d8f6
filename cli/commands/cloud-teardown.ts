import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'cloud teardown',
  flags: {
    provider: { type: 'string', short: 'p' },
    resource_name: { type: 'string' },
    force: { type: 'boolean', short: 'f' },
    debug: { type: 'boolean' },
  },
  help: `Stops a manager in the cloud and destroys everything that "wr cloud deploy" created.

Usage:
  wr cloud teardown [flags]

Flags:
  -p, --provider string     openstack
      --resource_name string
                            as given to deploy
  -f, --force               also when the manager cannot be reached
      --debug               say more
`,
});
