import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommandEntry } from '../../../cli/command.ts';
import { COMMANDS } from '../../../cli/command-table.ts';
import { fitHelp } from '../../../cli/output/fit-help.ts';

const HELP = `Does something that takes more than forty columns to be said, of which
there are two lines.

Usage:
  wr do [flags] something that is here to be copied

Flags:
  -a, --all         all of those that there are, and
                    some others
      --long_name string
                    what has such a long name
  -b                short

Examples:
  wr do -a && wr do -b && echo something long
  wr do
`;

describe('help on a narrow terminal', () => {
  it('has its paragraphs and descriptions broken anew, and examples in one piece', () => {
    assert.equal(
      fitHelp(HELP, 44),
      `Does something that takes more than forty
columns to be said, of which there are two
lines.

Usage:
  wr do [flags] something that is here to be copied

Flags:
  -a, --all         all of those that there
                    are, and some others
      --long_name string
                    what has such a long
                    name
  -b                short

Examples:
  wr do -a && wr do -b && echo something long
  wr do
`,
    );
  });

  it('is as it was written where that fits', () => {
    assert.equal(fitHelp(HELP, 120), HELP);
  });

  it('says the same words, and fits 80 columns but for what is to be copied, for every command', async () => {
    for (const { name, load } of COMMANDS.flatMap(leavesOf)) {
      const { help } = await load();
      const fitted = fitHelp(help, 80);
      assert.deepEqual(fitted.split(/\s+/), help.split(/\s+/), name);
      for (const line of fitted.split('\n'))
        assert.ok(line.length <= 80 || /^ {2}[a-z]/.test(line), `wr ${name}: ${line}`);
      for (const line of help.split('\n')) assert.ok(line.length <= 120, line);
    }
  });
});

type Leaf = Extract<CommandEntry, { readonly load: unknown }>;

function leavesOf(entry: CommandEntry): readonly Leaf[] {
  return 'children' in entry ? entry.children.flatMap(leavesOf) : [entry];
}
