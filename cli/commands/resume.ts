import { holdCommand } from '../hold-command.ts';

export const { flags, help, run } = holdCommand({
  name: 'resume',
  help: `Lets suspended commands be started again. One that waits for others, or whose delay after a failure is not over, goes on
waiting for that.`,
  all: 'every suspended command',
  examples: `  wr resume -i alignment
  wr resume -a`,
  change: (client, select) => client.resume(select),
  changed: (count) => `Resumed ${count} suspended commands`,
});
