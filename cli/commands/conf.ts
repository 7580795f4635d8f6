import type { ConfigRow } from '../../core/config.ts';
import type { Context } from '../command.ts';
import type { FlagSpecs } from '../flags.ts';
import { parse } from '../parse.ts';

export const flags = { default: { type: 'boolean', short: 'd' } } as const satisfies FlagSpecs;

export const help = `Shows every setting with its value and where that comes from: the default, an environment variable, or a file.

Settings are read from the environment (WR_ and the name in capitals, such as WR_MANAGERDIR), then from
.wr_config.<deployment>.yml and .wr_config.yml in the current directory, your home directory and $WR_CONFIG_DIR, in
this order: what is found first counts.

Usage:
  wr conf [flags]

Flags:
  -d, --default             print a configuration file with every setting at its default and what it means

Examples:
  wr conf --deployment development
  wr conf --default > ~/.wr_config.yml
`;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  if (given.default) {
    const [{ sampleConfig }, { defaultPorts }] = await Promise.all([
      import('../../core/config-sample.ts'),
      import('../../core/config.ts'),
    ]);
    await context.out(sampleConfig(defaultPorts(process.getuid?.() ?? 0, 'production')));
    return 0;
  }
  const { rows } = await context.config(given.deployment);
  await context.out(configTable(rows));
  return 0;
}

const HEADER = ['CONFIG', 'VALUE', 'SOURCE'] as const;

export function configTable(rows: readonly ConfigRow[]): string {
  const cells = rows.map(({ name, value, source }) => [name, value, source] as const);
  const widths = HEADER.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (row: readonly string[]): string =>
    `|${row.map((cell, i) => ` ${cell.padEnd(widths[i] ?? 0)} `).join('|')}|\n`;
  return rule + line(HEADER) + rule + cells.map(line).join('') + rule;
}
