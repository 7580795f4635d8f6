/** From the words of a command line to the command they name (spec: cli.md §1.1, §1.2). */
import { closestOf } from '../core/closest.ts';
import type { Command, CommandEntry } from './command.ts';
import { UsageError } from './flags.ts';

export type Found =
  | {
      readonly kind: 'command';
      readonly entry: LeafEntry;
      readonly path: readonly string[];
      readonly argv: readonly string[];
    }
  /** A group called bare, or with a word it does not know: its help is shown. */
  | { readonly kind: 'group'; readonly path: readonly string[]; readonly children: readonly CommandEntry[] };

export type LeafEntry = CommandEntry & { readonly load: () => Promise<Command> };

/**
 * @param argv - everything behind the program's name
 * @throws {UsageError} an unknown first word, or a flag that no group has
 */
export function findCommand(argv: readonly string[], table: readonly CommandEntry[]): Found {
  const globals: string[] = [];
  const path: string[] = [];
  let children = table;
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '-h' || word === '--help') break;
    if (word === '--deployment') {
      globals.push(...argv.slice(at, at + 2));
      at += 1;
      continue;
    }
    if (word.startsWith('--deployment=')) {
      globals.push(word);
      continue;
    }
    if (word === '--') continue;
    if (word.startsWith('-'))
      throw new UsageError(`unknown flag ${word.split('=')[0]} for ${['wr', ...path].join(' ')}`);
    const entry = children.find(({ name }) => name === word);
    if (entry === undefined) {
      if (path.length === 0) throw unknownCommand(word, children);
      break;
    }
    path.push(word);
    if ('load' in entry) return { kind: 'command', entry, path, argv: [...globals, ...argv.slice(at + 1)] };
    children = entry.children;
  }
  return { kind: 'group', path, children };
}

function unknownCommand(word: string, children: readonly CommandEntry[]): UsageError {
  const names = children.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  const meant = OTHER_WORDS[word] ?? closestOf(word, names);
  return new UsageError(`unknown command "${word}"${meant === null ? '' : `; did you mean ${meant}?`}`);
}

/** What other programs call it. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  submit: 'add',
  run: 'add',
  list: 'status',
  ls: 'status',
  show: 'status',
  watch: 'status --watch',
  delete: 'remove',
  rm: 'remove',
  cancel: 'kill',
  kick: 'retry',
  start: 'manager start',
  stop: 'manager stop',
};

/** The help of a group: what may follow it. */
export function groupHelp(path: readonly string[], children: readonly CommandEntry[]): string {
  const words = ['wr', ...path].join(' ');
  const shown = children.filter(({ hidden }) => hidden !== true);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const rows = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${path.length === 0 ? ROOT_INTRODUCTION : ''}Usage:
  ${words} <command> [flags]

Commands:
${rows.join('\n')}

Flags of every command:
      --deployment string  production or development (default: $WR_DEPLOYMENT, else production)
  -h, --help               help about the command

"${words} <command> --help" says more about a command.
`;
}

const ROOT_INTRODUCTION = `wr runs your commands, one or ten million, and guarantees that each completes or that you know why not.

Start a manager once with "wr manager start", then give it commands:

  echo 'sort -u in.txt > out.txt' | wr add --cwd_matters
  wr add -f commands.txt -i my_analysis -m 2G -t 30m
  wr status -i my_analysis

`;
