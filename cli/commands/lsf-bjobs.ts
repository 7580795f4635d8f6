import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'lsf bjobs',
  flags: {
    output: { type: 'string', short: 'o' },
    queue: { type: 'string', short: 'q' },
  },
  help: `Lists commands added with bsub, as bjobs of LSF does.

Usage:
  wr lsf bjobs [flags]

Flags:
  -o, --output string       columns, as for bjobs
  -q, --queue string        queue to show (default wr)
      -noheader             no header line
`,
});
