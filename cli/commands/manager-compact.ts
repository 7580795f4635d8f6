import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'manager compact',
  flags: {},
  help: `Makes the database file of a stopped manager smaller.

Usage:
  wr manager compact
`,
});
