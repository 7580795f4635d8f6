import { rmSync, statSync } from 'node:fs';
import type { Config } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { Client } from '../client.ts';
import type { Connected, Context } from '../command.ts';
import { readPidFile, waitForEnd } from '../daemon.ts';
import { parse } from '../parse.ts';

export const flags = {} as const;

export const help = `Stops the manager: commands that run are killed and become buried, everything is written to disk. Commands that wait go
on waiting, and run after the next start (but a development manager forgets them).

Usage:
  wr manager stop [flags]
`;

const PATIENCE_MS = 120_000;
/** A larger database takes longer to close: a second more for each so many bytes. */
const BYTES_PER_SECOND = 50 * 1024 * 1024;
const PROBE_MS = 10_000;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  const patienceMs = PATIENCE_MS + Math.ceil(sizeOf(config.dbFile) / BYTES_PER_SECOND) * 1000;
  const file = readPidFile(config.pidFile);
  if (file.state === 'running') {
    process.kill(file.pid, 'SIGTERM');
    await confirmEnd(file.pid, patienceMs, config, context);
    return 0;
  }
  const answering = await connectQuietly(config, context);
  if (answering !== null) {
    const client = new Client(answering.link, PROBE_MS);
    const { pid } = await client.shutdown();
    await confirmEnd(pid, patienceMs, config, context, answering);
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

async function confirmEnd(
  pid: number,
  patienceMs: number,
  config: Config,
  context: Context,
  answering?: Connected,
): Promise<void> {
  const ended = answering === undefined ? waitForEnd(pid, patienceMs) : endOfLink(answering, patienceMs);
  if (!(await ended)) {
    throw new WrError(
      'CANNOT_STOP',
      `wr manager with pid ${pid} has not stopped within ${patienceMs / 1000} s; run wr manager stop again to go on waiting, or kill -9 ${pid}`,
    );
  }
  for (const path of [config.tokenFile, config.addressFile]) rmSync(path, { force: true });
  context.log.info(`wr manager on port ${config.clientPort} was gracefully shut down`);
}

/** A manager on another host can only be seen to end by its connection. */
function endOfLink({ link }: Connected, patienceMs: number): Promise<boolean> {
  if (!link.open) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), patienceMs);
    link.onClose = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });
}

async function connectQuietly(config: Config, context: Context): Promise<Connected | null> {
  try {
    return await context.connect(config, { timeoutMs: PROBE_MS });
  } catch {
    return null;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
