import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'mount',
  flags: {
    mount_json: { type: 'string', short: 'j' },
    mounts: { type: 'string', short: 'm' },
    foreground: { type: 'boolean', short: 'f' },
    verbose: { type: 'boolean', short: 'v' },
  },
  help: `Mounts S3 buckets as a command's mounts would be, to try them out, until it is interrupted.

Usage:
  wr mount [flags]

Flags (one of the first two):
  -j, --mount_json string   what to mount, as JSON
  -m, --mounts string       the same in a simple form: [c|u][r|w]:[profile@]bucket[/path],…
  -f, --foreground          stay in the foreground
  -v, --verbose             log how long each access takes
`,
});
