import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'lsf bsub',
  flags: {},
  help: `Adds a command described by #BSUB lines on STDIN, as bsub of LSF does.

Usage:
  wr lsf bsub
`,
});
