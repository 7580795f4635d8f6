/** The end of a manager that was told to stop (spec: cli.md §10). */
import { rmSync, statSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import type { Connected, Context } from './command.ts';
import { waitForEnd } from './daemon.ts';

const PATIENCE_MS = 120_000;
/** A larger database takes longer to close: a second more for each so many bytes. */
const BYTES_PER_SECOND = 50 * 1024 * 1024;

/**
 * Waits until a manager that was told to stop is gone, and takes away what told where it was.
 * @param answering - the connection to it, when its process cannot be looked at
 * @throws {WrError} CANNOT_STOP
 */
export async function confirmEnd(
  pid: number,
  config: Config,
  context: Context,
  answering?: Connected,
): Promise<void> {
  const patienceMs = PATIENCE_MS + Math.ceil(sizeOf(config.dbFile) / BYTES_PER_SECOND) * 1000;
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

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
