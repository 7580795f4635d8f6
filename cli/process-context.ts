/** The real world of a subcommand: this process, its streams and its environment. */
import { statSync } from 'node:fs';
import type { Context } from './command.ts';
import { COMMANDS } from './command-table.ts';
import { makeLog } from './log.ts';

export function makeContext(): Context {
  const { stdout, stderr, env } = process;
  const terminal = stderr.isTTY === true;
  const log = makeLog({
    write: (line) => {
      try {
        stderr.write(line);
      } catch {
        // A file, on a disk that is full: what is told must not end what is told about, such as a runner with its commands.
      }
    },
    colour: terminal && !env.NO_COLOR,
    now: () => new Date(),
    debug: Boolean(env.WR_DEBUG),
  });
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough (`wr status | head`).
    if (error.code === 'EPIPE') process.exit(0);
    log.error(`STDOUT cannot be written to (${error.message}): what was to be said there is not complete`);
    process.exit(1);
  });
  stderr.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
  });
  return {
    env,
    commands: COMMANDS,
    cwd: currentDirectory(env),
    log,
    terminal,
    outTerminal: stdout.isTTY === true,
    columns: stdout.columns || stderr.columns || 80,
    out: (data) =>
      new Promise((resolve) => {
        if (stdout.write(data)) resolve();
        else stdout.once('drain', resolve);
      }),
    err: (data) => void stderr.write(data),
    config: async (deploymentFlag) => (await import('./load-config.ts')).loadConfig(deploymentFlag),
    connect: async (config, options) => (await import('./client.ts')).connect(config, log, options),
  };
}

/** The current directory by the name the user came in by, which links may make another than the system's. */
function currentDirectory({ PWD }: NodeJS.ProcessEnv): string {
  if (PWD?.startsWith('/')) {
    const [named, here] = [PWD, '.'].map((path) => statSync(path, { throwIfNoEntry: false }));
    if (named !== undefined && named.ino === here?.ino && named.dev === here.dev) return PWD;
  }
  return process.cwd();
}
