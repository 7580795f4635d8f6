/** How a command that calls `wr` finds the manager it belongs to (runner.md §2.4, since-0.36.md §7). */
import { basename, dirname } from 'node:path';
import { type Config, configAsEnv } from '../../core/config.ts';

export interface NestedAddress {
  readonly host: string;
  readonly port: number;
  readonly certDomain: string;
}

/**
 * Variables for every command: where the manager is, and where its token lies. A command may have another HOME and another
 * directory than whoever added it, and so would find another configuration, or none.
 */
export function nestedVariables(
  config: Config,
  { host, port, certDomain }: NestedAddress,
): Record<string, string> {
  const all = configAsEnv(config);
  const names = ['WR_DEPLOYMENT', 'WR_MANAGERDIR', ...unusualFiles(config)];
  return {
    ...Object.fromEntries(names.map((name) => [name, all[name] ?? ''])),
    WR_MANAGERHOST: host,
    WR_MANAGERPORT: String(port),
    WR_MANAGERCERTDOMAIN: certDomain,
  };
}

/** Named only where they are not where they would be looked for: else `--deployment` finds those of the other one. */
function unusualFiles({ managerDir, tokenFile, caFile }: Config): string[] {
  const isUsual = (path: string, name: string): boolean =>
    dirname(path) === managerDir && basename(path) === name;
  return [
    ...(isUsual(tokenFile, 'client.token') ? [] : ['WR_MANAGERTOKENFILE']),
    ...(isUsual(caFile, 'ca.pem') ? [] : ['WR_MANAGERCAFILE']),
  ];
}

/** Names the manager that commands belong to, and stays the same over its restarts. */
export function managerName({ WR_MANAGERDIR, WR_DEPLOYMENT }: Readonly<Record<string, string>>): string {
  return `${WR_MANAGERDIR ?? ''}_${WR_DEPLOYMENT ?? ''}`;
}
