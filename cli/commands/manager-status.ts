import type { ManagerStatusReply } from '../../core/client-replies.ts';
import type { Config } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { Client, readToken } from '../client.ts';
import type { Context } from '../command.ts';
import { readPidFile } from '../daemon.ts';
import { errorsSinceStart, lastWordsOf } from '../log-errors.ts';
import { parse } from '../parse.ts';
import { webAddress } from '../web-address.ts';

export const flags = {} as const;

export const help = `Tells whether the manager is up, where, and what its log says went wrong since it was started.

Usage:
  wr manager status [flags]
`;

const PROBE_MS = 10_000;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  let status: ManagerStatusReply;
  try {
    const { link } = await context.connect(config, { timeoutMs: PROBE_MS });
    status = await new Client(link, PROBE_MS).managerStatus();
  } catch (thrown) {
    const file = readPidFile(config.pidFile);
    if (file.state === 'running') {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new WrError('CANNOT_START', `wr manager runs with pid ${file.pid}, but does not answer: ${why}`, {
        cause: thrown,
      });
    }
    // A wrong token or certificate is somebody's who answered.
    if (thrown instanceof WrError && !STOPPED_CODES.includes(thrown.code)) throw thrown;
    await context.out('stopped\n');
    // Why, unless somebody stopped it.
    const lastWords = lastWordsOf(await errorsSinceStart(config.logFile));
    if (lastWords !== null) context.log.warn(`${lastWords}; see ${config.logFile}`);
    return 0;
  }
  await context.out(statusText(status, config) + errorsText(await errorsSinceStart(config.logFile)));
  return 0;
}

const STOPPED_CODES: readonly string[] = ['NO_MANAGER', 'NO_TOKEN', 'TIMED_OUT', 'DISCONNECTED'];

function statusText(status: ManagerStatusReply, config: Config): string {
  return `${status.mode === 'recovering' ? 'started (recovering)' : status.mode}

Status website: ${webAddress(config, status, readToken(config.tokenFile))}
Scheduler: ${status.scheduler}
Version: ${VERSION}
Host: ${status.address}; PID: ${status.pid}
Log file: ${config.logFile}
`;
}

function errorsText(errors: readonly string[]): string {
  return errors.length === 0 ? '' : `\nErrors since the last start:\n${errors.join('\n')}\n`;
}
