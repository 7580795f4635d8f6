/** Where a runner says what it does: STDERR, a file, or syslog (runner.md §1.1). */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { asWrError } from '../../core/errors.ts';
import type { Context } from '../command.ts';
import { makeLog } from '../log.ts';
import { makeDirectories } from '../make-directories.ts';

export interface RunnerLog {
  info(text: string): void;
  close(): Promise<void>;
}

export function openRunnerLog(
  { log }: Pick<Context, 'log'>,
  { syslog, logDir }: { readonly syslog: boolean; readonly logDir: string },
): RunnerLog {
  try {
    if (syslog) return toStream(openSyslog(), log);
    if (logDir !== '') return toStream(openFile(logDir), log);
  } catch (error) {
    log.warn(`nothing will be logged: ${asWrError(error).message}`);
  }
  return { info: (text) => log.info(text), close: async () => undefined };
}

function toStream(stream: Writable, fallback: Pick<Context, 'log'>['log']): RunnerLog {
  let broken = false;
  stream.on('error', (error) => {
    if (!broken) fallback.warn(`the log cannot be written: ${error.message}`);
    broken = true;
  });
  const own = makeLog({
    write: (line) => void (broken || stream.write(line)),
    colour: false,
    now: () => new Date(),
  });
  return {
    info: (text) => own.info(text),
    close: async () => {
      stream.end();
      await finished(stream).catch(() => undefined);
    },
  };
}

/** `<dir>/YY.MM.DD/HH-MM-SS.<host>.<pid>` */
function openFile(logDir: string): Writable {
  const two = (value: number): string => String(value).padStart(2, '0');
  const now = new Date();
  const day = [now.getFullYear() % 100, now.getMonth() + 1, now.getDate()].map(two).join('.');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('-');
  const path = join(logDir, day, `${time}.${hostname()}.${process.pid}`);
  makeDirectories(dirname(path), 0o770);
  return createWriteStream(path, { flags: 'a', mode: 0o600 });
}

/** Node speaks no datagrams to /dev/log; the system's own program does. */
function openSyslog(): Writable {
  const logger = spawn('logger', ['-t', 'wrrunner', '-p', 'user.info'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  logger.on('error', (error) => logger.stdin.destroy(error));
  return logger.stdin;
}
