import type { Command } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { parse } from '../parse.ts';

export type Shell = 'bash' | 'zsh' | 'fish' | 'powershell';

const INSTALL: Readonly<Record<Shell, string>> = {
  bash: 'source <(wr completion bash)',
  zsh: 'source <(wr completion zsh)',
  fish: 'wr completion fish | source',
  powershell: 'wr completion powershell | Out-String | Invoke-Expression',
};

/** One command for each shell. */
export function completionCommand(shell: Shell): Command {
  const flags = { no_descriptions: { type: 'boolean' } } as const satisfies FlagSpecs;
  return {
    flags,
    help: `Prints a script that makes ${shell} complete the commands and flags of wr when you press the tabulator key.

Usage:
  wr completion ${shell} [--no-descriptions]

Flags:
      --no-descriptions     complete without saying what each command does

To use it now, and in every shell when it stands in your start-up file:
  ${INSTALL[shell]}
`,
    async run(argv, context) {
      const given = parse(argv, flags).flags;
      const { completionScript } = await import('../output/completion-script.ts');
      await context.out(await completionScript(shell, context.commands, given.noDescriptions !== true));
      return 0;
    },
  };
}
