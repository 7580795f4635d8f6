/** Commands that have their place and their help, but are not carried out yet (docs/later.md). */
import { WrError } from '../core/errors.ts';
import type { Command } from './command.ts';
import type { FlagSpecs } from './flags.ts';

export interface LaterCommand {
  /** Its words, behind `wr`. */
  readonly name: string;
  readonly flags: FlagSpecs;
  readonly help: string;
  /** Complains about what would be wrong in any case. */
  readonly check?: (positionals: readonly string[]) => void;
}

/** @returns a command that understands its command line and then says that it cannot do it yet */
export function laterCommand({ name, flags, help, check }: LaterCommand): Command {
  return {
    flags,
    help: `${help.trimEnd()}\n\nThis command is not carried out yet.\n`,
    async run(argv) {
      const { parse } = await import('./parse.ts');
      const { positionals } = parse(argv, flags);
      check?.(positionals);
      throw new WrError('NOT_SUPPORTED', `"wr ${name}" is not supported yet`);
    },
  };
}
