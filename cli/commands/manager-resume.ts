import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'manager resume',
  flags: {},
  help: `Starts commands again after "wr manager pause".

Usage:
  wr manager resume
`,
});
