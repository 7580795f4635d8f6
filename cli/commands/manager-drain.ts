import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'manager drain',
  flags: {},
  help: `Starts no more commands and stops the manager once those that run have ended.

Usage:
  wr manager drain
`,
});
