import type { Config } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { Client } from '../client.ts';
import type { Connected, Context } from '../command.ts';
import { readPidFile } from '../daemon.ts';
import { confirmEnd } from '../manager-end.ts';
import { parse } from '../parse.ts';

export const flags = {} as const;

export const help = `Stops the manager: commands that run are killed and become buried, everything is written to disk. Commands that wait go
on waiting, and run after the next start (but a development manager forgets them).

Usage:
  wr manager stop [flags]
`;

const PROBE_MS = 10_000;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  const file = readPidFile(config.pidFile);
  if (file.state === 'running') {
    process.kill(file.pid, 'SIGTERM');
    await confirmEnd(file.pid, config, context);
    return 0;
  }
  const answering = await connectQuietly(config, context);
  if (answering !== null) {
    const client = new Client(answering.link, PROBE_MS);
    const { pid } = await client.shutdown();
    await confirmEnd(pid, config, context, answering);
    return 0;
  }
  if (file.state === 'stale') {
    throw new WrError(
      'NO_MANAGER',
      `wr manager on port ${config.clientPort} does not run, though there is a pid file: delete ${config.pidFile}`,
    );
  }
  throw new WrError('NO_MANAGER', `wr manager on port ${config.clientPort} does not seem to be running`);
}

async function connectQuietly(config: Config, context: Context): Promise<Connected | null> {
  try {
    return await context.connect(config, { timeoutMs: PROBE_MS });
  } catch {
    return null;
  }
}
