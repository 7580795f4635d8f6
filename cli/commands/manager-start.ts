import { accessSync, constants, existsSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ManagerStatusReply } from '../../core/client-replies.ts';
import { type Config, expandHome } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { parseResources } from '../../core/resource-names.ts';
import { Client, readToken } from '../client.ts';
import type { Context } from '../command.ts';
import { type Daemon, pause, readPidFile, runInForeground, startDaemon } from '../daemon.ts';
import { type FlagSpecs, UsageError } from '../flags.ts';
import { causeOf, complaintsFrom, sizeOf } from '../log-errors.ts';
import { makeDirectories } from '../make-directories.ts';
import type { ManagerLink } from '../manager-link.ts';
import { parse } from '../parse.ts';
import { timeoutMsOf } from '../timeout.ts';
import { webAddress } from '../web-address.ts';

export const flags = {
  foreground: { type: 'boolean', short: 'f' },
  scheduler: { type: 'string', short: 's', values: ['local', 'none'] },
  queue: { type: 'string' },
  queues_avoid: { type: 'string' },
  timeout: { type: 'integer', short: 't' },
  max_cores: { type: 'integer' },
  max_ram: { type: 'integer' },
  resources: { type: 'string' },
  use_cert_domain: { type: 'boolean' },
  set_domain_ip: { type: 'boolean' },
  debug: { type: 'boolean' },
  runner_syslog: { type: 'boolean' },
  runner_filelog: { type: 'string' },
  local_username: { type: 'string' },
  namespace: { type: 'string' },
  config_map: { type: 'string' },
  cloud_spawns: { type: 'integer' },
  cloud_os: { type: 'string', short: 'o' },
  cloud_username: { type: 'string', short: 'u' },
  cloud_ram: { type: 'integer', short: 'r' },
  cloud_disk: { type: 'integer', short: 'd' },
  cloud_flavor: { type: 'string', short: 'l' },
  cloud_flavor_sets: { type: 'string' },
  cloud_script: { type: 'string', short: 'p' },
  cloud_destroy_script: { type: 'string', short: 'y' },
  cloud_keepalive: { type: 'integer', short: 'k' },
  cloud_auto_confirm_dead: { type: 'integer' },
  cloud_servers: { type: 'integer', short: 'm' },
  cloud_cidr: { type: 'string' },
  cloud_use_config_drives: { type: 'boolean' },
  cloud_disable_security_groups: { type: 'boolean' },
  cloud_config_files: { type: 'string' },
  cloud_mount_json: { type: 'string', short: 'j' },
} as const satisfies FlagSpecs;

export const help = `Starts the manager in the background. It stays until "wr manager stop", runs the commands you add and remembers them.

Usage:
  wr manager start [flags]

Flags:
  -f, --foreground          stay in the foreground; Ctrl-C stops the manager
  -s, --scheduler string    what runs the commands: local, none (runners you start yourself), lsf, slurm,
                            openstack, kubernetes (default from the configuration: local)
      --max_cores int       cores of this machine to use; 0: only commands that need none; -1: no limit (default: all)
      --max_ram int         MB of memory of this machine to use; 0: none; -1: no limit (default: all)
      --resources string    counted resources of this machine that commands may ask for with wr add --resources, such
                            as gpu:2,licence:5 (default from the configuration: none)
      --queue string        queue, or queues to choose among, for commands that name none
      --queues_avoid string parts of names of queues not to use for commands that name none
  -t, --timeout int         seconds to wait until it is up (default 10)
      --use_cert_domain     tell runners the name in the certificate instead of the IP address
      --set_domain_ip       register that name with Infoblox
      --debug               log everything
      --runner_syslog       runners log to syslog
      --runner_filelog string
                            runners log to files in this directory
      --local_username string
                            your name, where it matters to the scheduler (at most 18 characters)

Of the cloud schedulers, defaults from the configuration:
      --namespace, --config_map string
      --cloud_spawns int, --cloud_os string, --cloud_username string, --cloud_ram int, --cloud_disk int
      --cloud_flavor string, --cloud_flavor_sets string, --cloud_script string, --cloud_destroy_script string
      --cloud_keepalive int, --cloud_auto_confirm_dead int, --cloud_servers int, --cloud_cidr string
      --cloud_use_config_drives, --cloud_disable_security_groups, --cloud_config_files string
      --cloud_mount_json string

Examples:
  wr manager start
  wr manager start --max_cores 4 --max_ram 8000
  wr manager start --deployment development -f
`;

const SCHEDULERS: readonly string[] = ['local', 'none', 'lsf', 'slurm', 'openstack', 'kubernetes'];
const USERNAME_MAX = 18;
const TIMEOUT_S = 10;
const POLL_MS = 15;
/** Whether an earlier manager answers is asked with this patience. */
const PROBE_MS = 5_000;
const PATH_FLAGS: readonly string[] = ['cloud_script', 'cloud_destroy_script', 'runner_filelog'];

type Given = ReturnType<typeof parse<typeof flags>>['flags'];

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  check(given, config, context);
  const timeoutMs = timeoutMsOf(given.timeout, TIMEOUT_S * 1000);
  warnOfUnused(given, config, context);
  prepareDirectory(config.managerDir, context);
  await refuseSecond(config, context);
  if (existsSync(config.tokenFile))
    context.log.warn(`the existing token in ${config.tokenFile} is used again`);
  const options = { config, flags: serverFlags(given, context), env: { ...context.env } };
  if (given.foreground)
    return runInForeground(options, (daemon) => void announceWeb(daemon, config, context, timeoutMs));
  const logBytes = sizeOf(config.logFile);
  const daemon = startDaemon(options);
  const link = await waitUntilUp(daemon, config, context, timeoutMs, logBytes);
  const status = await new Client(link, timeoutMs).managerStatus();
  context.log.info(`wr manager ${status.version} started on ${status.address}, pid ${status.pid}`);
  context.log.info(webText(config, status));
  return 0;
}

function webText(config: Config, status: ManagerStatusReply): string {
  return `wr's web interface can be reached at ${webAddress(config, status, readToken(config.tokenFile))}`;
}

/** In the foreground the manager itself says that it has started; its log is no place for the token. */
async function announceWeb(
  daemon: Daemon,
  config: Config,
  context: Context,
  timeoutMs: number,
): Promise<void> {
  try {
    const link = await untilUp(daemon, config, context, timeoutMs);
    if (link === null) return;
    const status = await new Client(link, timeoutMs).managerStatus();
    link.close();
    context.log.info(webText(config, status));
  } catch {
    // It has just been stopped.
  }
}

function check(given: Given, config: Config, { env, cwd }: Context): void {
  const scheduler = given.scheduler ?? config.scheduler;
  if (!SCHEDULERS.includes(scheduler)) {
    throw new UsageError(`--scheduler must be one of ${SCHEDULERS.join(', ')}, not "${scheduler}"`);
  }
  if (scheduler !== 'local' && scheduler !== 'none') {
    throw new WrError('NOT_SUPPORTED', `the scheduler ${scheduler} is not supported yet; local and none are`);
  }
  parseResources(given.resources ?? '');
  if ((given.localUsername?.length ?? 0) > USERNAME_MAX) {
    throw new UsageError(
      `--local_username value (${given.localUsername}) must have at most ${USERNAME_MAX} characters`,
    );
  }
  for (const [name, limit = 0] of [
    ['--max_cores', given.maxCores],
    ['--max_ram', given.maxRam],
  ] as const) {
    if (limit < -1)
      throw new UsageError(`${name} value (${limit}) must be -1, which is no limit, or more; 0 is none`);
  }
  if (given.setDomainIp)
    throw new WrError('NOT_SUPPORTED', '--set_domain_ip is not supported yet: no name would be registered');
  for (const script of [given.cloudScript, given.cloudDestroyScript]) {
    if (script && !existsSync(resolve(cwd, expandHome(script, env.HOME ?? '')))) {
      throw new WrError('BAD_INPUT', `the script ${script} does not exist`);
    }
  }
}

/** What only other schedulers look at: who gives it may think that it acts. */
function warnOfUnused(given: Given, config: Config, { log }: Context): void {
  if (config.setDomainIp) log.warn('managersetdomainip is not supported yet: no name is registered');
  const scheduler = given.scheduler ?? config.scheduler;
  const unused = Object.keys(flags).filter(
    (name) =>
      /^(cloud_|queue|namespace|config_map)/.test(name) && given[camel(name) as keyof Given] !== undefined,
  );
  if (unused.length > 0)
    log.warn(`the scheduler ${scheduler} takes no notice of ${unused.map((name) => `--${name}`).join(', ')}`);
}

/** Private to the user when it is new, whatever the umask; the manager itself looks after one that exists (since-0.36.md §3.3). */
function prepareDirectory(path: string, { log }: Context): void {
  try {
    makeDirectories(path, 0o700);
  } catch (cause) {
    throw new WrError(
      'BAD_DIRECTORY',
      `the manager's directory ${path} cannot be made: ${(cause as Error).message}`,
      { cause },
    );
  }
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new WrError('BAD_DIRECTORY', `the manager's directory ${path} cannot be written to: ${why}`, {
      cause,
    });
  }
  if (lstatSync(path).isSymbolicLink())
    log.warn(`${path} is a symbolic link: see to it that nobody else can write to where it leads`);
}

async function refuseSecond(config: Config, context: Context): Promise<void> {
  const port = config.clientPort;
  if (existsSync(config.tokenFile)) {
    const silent: Context['log'] = { ...context.log, warn: () => undefined };
    const answering = await tryConnect(config, { ...context, log: silent }, PROBE_MS);
    if (answering !== null) {
      const { pid, address } = await new Client(answering, PROBE_MS).managerStatus();
      answering.close();
      throw new WrError(
        'ALREADY_RUNNING',
        `wr manager on port ${address.split(':').at(-1)} is already running, with pid ${pid}`,
      );
    }
  }
  const running = readPidFile(config.pidFile);
  if (running.state === 'running') {
    throw new WrError(
      'ALREADY_RUNNING',
      `wr manager on port ${port} is running with pid ${running.pid}, but does not answer`,
    );
  }
}

async function tryConnect(config: Config, context: Context, timeoutMs: number): Promise<ManagerLink | null> {
  try {
    return (await context.connect(config, { timeoutMs, quiet: true })).link;
  } catch {
    return null;
  }
}

/** @returns a connection as soon as the manager takes one; `null`: it has ended, or did not come up in time */
async function untilUp(
  daemon: Daemon,
  config: Config,
  context: Context,
  timeoutMs: number,
): Promise<ManagerLink | null> {
  const untilMs = performance.now() + timeoutMs;
  let ended = false;
  void daemon.ended.then(() => {
    ended = true;
  });
  const quiet: Context['log'] = { ...context.log, warn: () => undefined };
  while (performance.now() < untilMs) {
    // The token is the last file that a starting manager writes.
    if (existsSync(config.addressFile) && existsSync(config.tokenFile)) {
      const link = await tryConnect(
        config,
        { ...context, log: quiet },
        Math.max(1, untilMs - performance.now()),
      );
      if (link !== null) return link;
    }
    if (ended) break;
    await pause(POLL_MS);
  }
  return null;
}

/** @throws {WrError} why it did not come up */
async function waitUntilUp(
  daemon: Daemon,
  config: Config,
  context: Context,
  timeoutMs: number,
  logBytes: number,
): Promise<ManagerLink> {
  const link = await untilUp(daemon, config, context, timeoutMs);
  if (link !== null) return link;
  const ended = await Promise.race([daemon.ended, undefined]);
  const complaints = complaintsFrom(config.logFile, logBytes);
  if (complaints.length > 0) await context.out(`${complaints.join('\n')}\n`);
  const name = `wr manager on port ${config.clientPort}`;
  if (ended === undefined) {
    throw new WrError(
      'CANNOT_START',
      `${name} did not come up within ${timeoutMs / 1000} s; its log is ${config.logFile}`,
    );
  }
  const cause = causeOf(complaints);
  if (cause === null)
    throw new WrError('CANNOT_START', `${name} failed to start: ${ended}; its log is ${config.logFile}`);
  const { code, message, ...hint } = cause;
  throw new WrError(code, `${name} failed to start: ${message}`, hint);
}

/** The flags given, in the form the server takes; paths are absolute, as it works in another directory. */
function serverFlags(given: Given, { cwd, env }: Context): string[] {
  return Object.keys(flags).flatMap((name) => {
    const value: unknown = given[camel(name) as keyof Given];
    if (value === undefined || value === false || name === 'foreground' || name === 'timeout') return [];
    if (value === true) return [`--${name}`];
    return [
      `--${name}=${PATH_FLAGS.includes(name) ? resolve(cwd, expandHome(String(value), env.HOME ?? '')) : String(value)}`,
    ];
  });
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
