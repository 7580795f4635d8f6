/** `wr runner`: started by schedulers, never by people (spec: runner.md §1). */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { hostname, networkInterfaces, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { isHostName } from '../../core/host-look.ts';
import { readToken } from '../client.ts';
import type { Context } from '../command.ts';
import { connectManager } from '../connection.ts';
import { closeInheritedFiles } from '../inherited-files.ts';
import type { ManagerLink } from '../manager-link.ts';
import { readFlags } from '../read-flags.ts';
import { overridesOf, ownEnvironment } from '../runner/environment.ts';
import { Environments } from '../runner/environments.ts';
import { Executor } from '../runner/executor.ts';
import { resolveProgram } from '../runner/launcher.ts';
import type { LedgerEntry, LedgerOptions } from '../runner/ledger.ts';
import { managerName, nestedVariables } from '../runner/nested-use.ts';
import { layered, ownVariables } from '../runner/own-variables.ts';
import { readProcess } from '../runner/process-table.ts';
import { Runner } from '../runner/runner.ts';
import { openRunnerLog } from '../runner/runner-log.ts';
import { sweep } from '../runner/sweep.ts';

export const flags = {
  scheduler_group: { type: 'string', short: 's' },
  reserve_timeout: { type: 'integer', short: 'r' },
  max_time: { type: 'integer', short: 'm' },
  host: { type: 'string' },
  server: { type: 'string' },
  domain: { type: 'string' },
  timeout: { type: 'integer' },
  syslog: { type: 'boolean' },
  logdir: { type: 'string' },
  host_slots: { type: 'boolean' },
} as const;

export const help = `Runs commands for the manager. Schedulers start this; you should never have to.

Usage:
  wr runner [flags]

Flags:
  -s, --scheduler_group string  only run commands of this group
  -r, --reserve_timeout int     seconds to wait for a command before exiting (default 2)
  -m, --max_time int            minutes after which no more commands are begun; 0 is a year (default 0)
      --host string             name by which the manager reaches this machine over ssh, to look for commands of runners
                                that died (default: its host name)
      --server string           host:port of the manager
      --domain string           name the manager's certificate must be valid for
      --timeout int             seconds to wait for the manager's answers (default 30)
      --syslog                  log to syslog
      --logdir string           log to a file in this directory
      --host_slots              serve as many slots of as many groups as the manager says: for the machine it runs on
`;

const RESERVE_TIMEOUT_S = 2;
const TIMEOUT_S = 30;
const YEAR_MS = 365 * 24 * 3_600_000;
const MINUTE_MS = 60_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** What killed runners left is looked at so often, while commands of theirs still run. */
const SWEEP_MS = 60_000;
const BYTES_PER_MB = 1024 * 1024;
/** One that strikes at every tick must not fill the log. */
const FAILURES_TOLD = 20;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  closeInheritedFiles(); // Before anything is opened here.
  const given = readFlags(argv, flags).flags;
  const config = await context.config(given.deployment);
  const reserveTimeoutS = given.reserveTimeout ?? RESERVE_TIMEOUT_S;
  const timeoutMs = Math.max(given.timeout ?? TIMEOUT_S, reserveTimeoutS + 5) * 1_000;
  const { host: managerHost, port: managerPort } = serverOf(given.server, config);
  const certDomain = given.domain ?? config.certDomain;
  const group = given.hostSlots === true ? null : (given.schedulerGroup ?? '');
  const log = openRunnerLog(context, { syslog: given.syslog === true, logDir: given.logdir ?? '' });
  const nested = {
    variables: nestedVariables(config, { host: managerHost, port: managerPort, certDomain }),
    programDir: programDir(context.env),
    nodeDir: dirname(process.execPath),
    program: realpathSync(process.argv[1] ?? ''),
  };
  const shell = resolveProgram(config.runnerExecShell, context.env.PATH ?? '/usr/bin:/bin', isExecutable);
  const connect = (): Promise<ManagerLink> =>
    connectAgain(config, { host: managerHost, port: managerPort, domain: certDomain, timeoutMs });
  const runnerId = randomUUID();
  const runner = new Runner(
    {
      runnerId,
      host: hostOf(given.host),
      ip: ownAddress(),
      pid: process.pid,
      birth: readProcess(process.pid)?.startTicks ?? 0,
      group,
      slots: 1,
      reserveTimeoutMs: reserveTimeoutS * 1_000,
      endMs: Date.now() + (given.maxTime ? given.maxTime * MINUTE_MS : YEAR_MS),
      nested,
      ownEnvironment: ownEnvironment(),
    },
    {
      connect,
      executor: (events) =>
        new Executor(
          {
            shell,
            nested,
            tmpDir: tmpdir(),
            runnerId,
            runnerPid: process.pid,
            physicalMb: Math.floor(totalmem() / BYTES_PER_MB),
            now: Date.now,
            random: Math.random,
          },
          events,
        ),
      now: Date.now,
      random: Math.random,
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      log: (text) => log.info(text),
    },
  );
  log.info(
    `wr runner started for scheduler group '${group ?? ''}'; pid: ${process.pid}${clusterJob(context.env)}`,
  );
  const sweepWorld = {
    manager: managerName(nested.variables),
    environment: async (options: LedgerOptions, { workspace, mark }: LedgerEntry) => {
      const environments = new Environments(ownEnvironment(), nested);
      const base = await environments.ask(connect, options.envId);
      // Units of resources that it had may be another one's by now.
      const own = ownVariables(
        { options, arrayIndex: options.arrayIndex, resources: null },
        workspace,
        mark,
        null,
      );
      return layered(base, overridesOf(options, nested), own);
    },
    log: (text: string) => log.info(text),
  };
  // What runs would lose its outcome with this process: it goes on, as far as it can.
  let failures = 0;
  const fail = (thrown: unknown): void => {
    failures += 1;
    if (failures <= FAILURES_TOLD)
      log.info(`something failed that nobody foresaw: ${thrown instanceof Error ? thrown.stack : thrown}`);
    runner.failed();
  };
  process.on('uncaughtException', fail);
  const sweepNow = async (): Promise<void> => {
    // Commands that outlive their runner are let run; the timer keeps nobody here.
    if (await sweep(tmpdir(), sweepWorld)) setTimeout(() => void sweepNow(), SWEEP_MS).unref();
  };
  const sweeping = sweepNow().catch(fail);
  const stop = (): void => runner.stop();
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const { commands, because } = await runner.run();
    log.info(`wr runner exiting, having run ${commands} commands, because ${because}`);
    return failures === 0 ? 0 : 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    await sweeping;
    await log.close();
  }
}

/** The token may have changed: a manager that was stopped cleanly makes a new one. */
async function connectAgain(
  config: Config,
  address: {
    readonly host: string;
    readonly port: number;
    readonly domain: string;
    readonly timeoutMs: number;
  },
): Promise<ManagerLink> {
  return await connectManager({ ...address, token: readToken(config.tokenFile), caFile: config.caFile });
}

function hostOf(given: string | undefined): string {
  if (given === undefined) return hostname();
  if (!isHostName(given))
    throw new WrError('BAD_OPTION', `--host needs a host name or address, not "${given}"`);
  return given;
}

function serverOf(
  server: string | undefined,
  config: Config,
): { readonly host: string; readonly port: number } {
  if (server === undefined) return { host: config.managerHost, port: config.clientPort };
  const colon = server.lastIndexOf(':');
  const port = Number(server.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port <= 0 || port > 65_535) {
    throw new WrError('BAD_OPTION', `--server needs host:port, not "${server}"`);
  }
  return { host: server.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}

/** Where `wr` itself is found, so that commands can use it. */
function programDir(env: Readonly<Record<string, string | undefined>>): string {
  const script = process.argv[1] ?? '';
  const onPath = (env.PATH ?? '')
    .split(':')
    .find((directory) => directory !== '' && isSameFile(join(directory, 'wr'), script));
  if (onPath !== undefined) return onPath;
  // Built, but not installed: the build makes a directory that holds nothing but `wr`.
  const built = join(dirname(dirname(realpathSync(script))), 'bin');
  return isSameFile(join(built, 'wr'), script) ? built : dirname(script);
}

function isSameFile(candidate: string, script: string): boolean {
  try {
    return realpathSync(candidate) === realpathSync(script);
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The first address others may reach this machine by. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}

function clusterJob({
  LSB_JOBID: id,
  LSB_JOBINDEX: index,
}: Readonly<Record<string, string | undefined>>): string {
  if (id === undefined || id === '') return '';
  return `; LSF job id ${id}${index === undefined || index === '' ? '' : `[${index}]`}`;
}
