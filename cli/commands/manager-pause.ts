import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'manager pause',
  flags: {},
  help: `Starts no more commands until "wr manager resume"; those that run go on.

Usage:
  wr manager pause
`,
});
