import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'manager backup',
  flags: {
    path: { type: 'string', short: 'p' },
  },
  help: `Writes a consistent copy of the database.

Usage:
  wr manager backup --path FILE

Flags:
  -p, --path string         where to (required)
`,
});
