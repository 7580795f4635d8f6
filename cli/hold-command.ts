/** `wr suspend` and `wr resume`, which differ in their words (spec: since-0.36.md §1.1). */
import type { ChangedReply } from '../core/client-replies.ts';
import type { Selector } from '../core/selector.ts';
import { changeJobs } from './change.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import type { FlagSpecs } from './flags.ts';
import { ALL_FLAG, SELECT_FLAGS, SELECT_HELP } from './select-flags.ts';

const FLAGS = { ...SELECT_FLAGS, ...ALL_FLAG } as const satisfies FlagSpecs;

export interface HoldCommand {
  readonly name: 'suspend' | 'resume';
  /** What it does, in full sentences. */
  readonly help: string;
  /** What `-a` stands for. */
  readonly all: string;
  readonly examples: string;
  readonly change: (client: Client, select: Selector) => Promise<ChangedReply>;
  /** The answer's words for the commands that were changed. */
  readonly changed: (count: number) => string;
}

export function holdCommand({ name, help, all, examples, change, changed: words }: HoldCommand): Command {
  return {
    flags: FLAGS,
    help: `${help}

Usage:
  wr ${name} [flags]

Which commands (one of -f, -i, -l and -a):
  -a, --all                 ${all}
${SELECT_HELP}

Examples:
${examples}
`,
    async run(argv, context) {
      const { parse } = await import('./parse.ts');
      const { flags: given, positionals } = parse(argv, FLAGS);
      const none = 'no matching jobs found';
      const { changed, eligible } = await changeJobs(given, positionals, context, { change, none });
      await context.out(`${words(changed)} (out of ${eligible} matching)\n`);
      return 0;
    },
  };
}
