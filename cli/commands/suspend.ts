import { holdCommand } from '../hold-command.ts';

export const { flags, help, run } = holdCommand({
  name: 'suspend',
  help: `Holds commands back that are ready, delayed or waiting for others, until "wr resume". Commands that run, or are buried,
are left as they are. To hold back everything, also what is added later, use wr manager pause.`,
  all: 'every command that is not complete',
  examples: `  wr suspend -i alignment
  wr suspend -a`,
  change: (client, select) => client.suspend(select),
  changed: (count) => `Suspended ${count} queued commands`,
});
