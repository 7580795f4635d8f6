import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'lsf bkill',
  flags: {},
  help: `Kills commands added with bsub, as bkill of LSF does.

Usage:
  wr lsf bkill ID…
`,
});
