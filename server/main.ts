/**
 * The manager's process: takes its configuration from the environment, opens what the manager needs, and closes it again
 * in order. `wr manager start` starts it; the configuration comes as `WR_…` variables, the rest as flags.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { dropAllocator } from '../core/allocator.ts';
import { type Config, resolveConfig } from '../core/config.ts';
import { asWrError, WrError } from '../core/errors.ts';
import { CLIENT_PATH, FRAME_BYTES_MAX, PROTOCOL } from '../core/protocol.ts';
import { parseResources } from '../core/resource-names.ts';
import { VERSION } from '../core/version.ts';
import { openLmdb } from '../store/lmdb.ts';
import { checkCertificates, checkDomain, ensureCertificates } from './certificates.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import { compact } from './compact.ts';
import { handlers } from './connections.ts';
import { listenForDefects, stackOf } from './defects.ts';
import { backupFileOf, prepareDirectory, removeStore, tightenModes } from './deployment-files.ts';
import { type Flags, readFlags } from './flags.ts';
import { birthOf, hostName, isProcessGone, killRunner, ownAddress } from './host.ts';
import { Life } from './life.ts';
import { type Log, openLog, startMarker } from './log.ts';
import { Manager } from './manager.ts';
import { findMarked } from './marked.ts';
import { Orphans } from './orphans.ts';
import { claimPidFile, releasePidFile } from './pid-file.ts';
import { openPools } from './pools.ts';
import { restoreMissing } from './restore.ts';
import { sshRunner } from './run-on-host.ts';
import { openScheduler } from './schedulers/open.ts';
import { ThreadDeaths } from './thread-deaths.ts';
import { lowerHelperThreads } from './thread-priority.ts';
import { chooseToken, writePrivateFile } from './token.ts';
import { openTransport } from './transport/open.ts';

/** A clean stop waits so long for runners to report the end of what was killed (since-0.36.md §3.2). */
const STOP_PATIENCE_MS = 60_000;
const LOOP_RESOLUTION_MS = 10;
const HELPERS_MS = 2_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;
const DRAIN_BYTES = 1024 * 1024;
const IDLE_SECONDS = 60;

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new WrError('BAD_INPUT', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether the manager has been there for others. */
let serving = false;

async function main(): Promise<void> {
  dropAllocator(process.env);
  const flags = readFlags();
  const config = await resolveConfig({
    cwd: process.cwd(),
    home: homedir(),
    uid: process.getuid?.() ?? 0,
    env: process.env,
    deploymentFlag: flags.deployment,
    readText,
    exists: existsSync,
  });
  process.umask(config.umask);
  if (flags.compact === true) {
    await answerCompact(config);
    return;
  }
  prepareDirectory(config.managerDir);
  const foreground = flags.foreground === true;
  const log = openLog({
    path: config.logFile,
    level: flags.debug === true ? 'debug' : 'info',
    stderr: foreground,
    maxSizeMb: config.logsMaxSizeMb,
    maxBackups: config.logsMaxBackups,
    maxAgeDays: config.logsMaxAgeDays,
    compress: config.logsCompress,
    nowMs: SYSTEM_CLOCK.nowMs,
  });
  // Whoever read along in the foreground may go: the log is in its file, too.
  process.stderr.on('error', () => undefined);
  const isWell = await serve(config, flags, log);
  await log.close();
  // Whatever failed may have left something behind that keeps the process.
  if (!isWell) process.exit(1);
}

/** The last line of a manager that failed; `wr manager start` and `status` tell it on. */
function tellFailure(log: Log, error: WrError): void {
  const cause = error.cause instanceof Error ? error.cause.message : '';
  log.crit(`wr manager ${serving ? 'had to end' : 'cannot start'}: ${error.message}`, {
    code: error.code,
    hint: error.hint,
    ...(error.message.endsWith(cause) ? {} : { cause }),
    stack: stackOf(error),
  });
}

/** Tells on STDOUT, as JSON, what came of it. */
async function answerCompact(config: Config): Promise<void> {
  try {
    console.log(JSON.stringify(await compact(config)));
  } catch (thrown) {
    const { code, message } = asWrError(thrown);
    console.log(JSON.stringify({ code, message }));
    process.exitCode = 1;
  }
}

/** @returns whether it ended because it was asked to */
async function serve(config: Config, flags: Flags, log: Log): Promise<boolean> {
  const life = new Life(log, (error) => tellFailure(log, error));
  listenForDefects(life.fail);
  try {
    claimPidFile(config.pidFile);
    life.onEnd(() => releasePidFile(config.pidFile));
    await Promise.race([serveUntilStopped(config, flags, log, life), life.failed]);
  } catch (thrown) {
    life.fail(thrown);
  }
  await life.end();
  return life.failure === undefined;
}

async function serveUntilStopped(config: Config, flags: Flags, log: Log, life: Life): Promise<void> {
  tightenModes(config, log);
  const { token, reused } = chooseToken(readText(config.tokenFile));
  if (reused) log.warn('the existing token is used again', { file: config.tokenFile });
  const expiresMs = await prepareCertificates(config, log);

  let manager: Manager | undefined;
  const transport = await openTransport(
    {
      host: '0.0.0.0',
      clientPort: config.clientPort,
      webPort: config.webPort,
      certFile: config.certFile,
      keyFile: config.keyFile,
      paths: [CLIENT_PATH],
      protocol: PROTOCOL,
      frameBytesMax: FRAME_BYTES_MAX,
      bodyBytesMax: BODY_BYTES_MAX,
      bufferedBytesMax: BUFFERED_BYTES_MAX,
      drainBytes: DRAIN_BYTES,
      idleSeconds: IDLE_SECONDS,
    },
    handlers(token, () => manager),
  );
  life.onEnd(() => transport.close());
  if (transport.fallbackReason !== undefined)
    log.info('uWebSockets.js is not used', { reason: transport.fallbackReason });

  if (config.deployment === 'development') removeStore(config);
  const backupFile = backupFileOf(config, log);
  if (backupFile !== null && restoreMissing(config.dbFile, backupFile))
    log.info('the database was missing and was restored from its backup', {
      file: config.dbFile,
      backup: backupFile,
    });
  const created = !existsSync(config.dbFile);
  const store = openLmdb(config.dbFile);
  life.onEnd(() => store.close());
  life.onFailure((error) => store.stop(error));
  if (created) log.info('a new database was created', { file: config.dbFile });

  const pools = openPools(config.dbFile, new ThreadDeaths(SYSTEM_CLOCK, log, life.fail).died);
  life.onEnd(() => pools.close());
  const ip = ownAddress();
  const host = flags.use_cert_domain === true ? config.certDomain : ip;
  const address = `${host}:${transport.clientPort}`;
  const scheduler = openScheduler(config, flags, address, log);
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loopDelay.enable();
  const orphans = new Orphans(SYSTEM_CLOCK);
  manager = new Manager({
    store,
    tasks: pools,
    clock: SYSTEM_CLOCK,
    log,
    scheduler,
    deployment: config.deployment,
    resources: parseResources(flags.resources ?? config.resources),
    isGone: (host, pid, birth) => host === hostName() && isProcessGone(pid, birth),
    endOrphan: (attempt, nowMs) => orphans.end(attempt, nowMs),
    backupFile,
    processes: {
      ownHost: hostName(),
      birthOf: (pid) => birthOf(pid) ?? 0,
      killRunner,
      findMarked,
      runOnHost: sshRunner(existsSync(config.privateKeyPath) ? config.privateKeyPath : ''),
    },
    about: () => {
      const toMs = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_RESOLUTION_MS);
      const delays = { loopDelayP99Ms: toMs(loopDelay.percentile(99)), loopDelayMaxMs: toMs(loopDelay.max) };
      loopDelay.reset();
      return {
        host: hostName(),
        address,
        webPort: transport.webPort,
        pid: process.pid,
        version: VERSION,
        transport: transport.name,
        ...delays,
        rssBytes: process.memoryUsage.rss(),
      };
    },
    onShutdown: life.stop,
    onFatal: life.fail,
  });
  const { halt } = manager;
  life.onFailure(halt);
  // Before the parts that they ask, which cannot answer any more: all who are connected.
  life.onEnd(() => transport.close());
  listenToSignals(flags.foreground === true, life.stop, log);
  const started = manager.start();
  started.catch(life.fail);
  life.onEnd(lowerHelpersNowAndThen());

  // The token file tells `wr manager start` that all is well; it is the last to be written.
  writePrivateFile(config.addressFile, address);
  writePrivateFile(config.tokenFile, token);
  serving = true;
  log.info(startMarker(VERSION, address), {
    pid: process.pid,
    web: transport.webPort,
    transport: transport.name,
  });
  const cancelExpiry = SYSTEM_CLOCK.after(Math.min(2 ** 31 - 1, expiresMs - SYSTEM_CLOCK.nowMs()), () => {
    if (SYSTEM_CLOCK.nowMs() >= expiresMs) life.stop('the certificate has expired');
  });

  const reason = await life.stopped;
  cancelExpiry();
  log.info('wr manager is stopping', { reason });
  await started;
  await manager.stop(STOP_PATIENCE_MS);
  log.info('wr manager stopped', { reason });
}

/** Some threads are made when they are first needed. */
function lowerHelpersNowAndThen(): () => void {
  lowerHelperThreads();
  const timer = setInterval(lowerHelperThreads, HELPERS_MS).unref();
  return () => clearInterval(timer);
}

async function prepareCertificates(config: Config, log: Log): Promise<number> {
  const nowMs = SYSTEM_CLOCK.nowMs();
  const { created } = await ensureCertificates({
    ...config,
    domain: config.certDomain,
    ips: [ownAddress()],
    nowMs,
  });
  if (created) log.info('new certificates were made', { ca: config.caFile, cert: config.certFile });
  const expiresMs = await checkCertificates(config, nowMs);
  await checkDomain(config.certFile, config.certDomain);
  return expiresMs;
}

/** The first signal stops cleanly; a second Ctrl-C in the foreground ends at once. */
function listenToSignals(foreground: boolean, stop: (reason: string) => void, log: Log): void {
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals === 1) stop(signal);
      else if (foreground && signal === 'SIGINT') process.exit(1);
      else log.info('already stopping', { signal });
    });
  }
  // From `wr manager start -f`, when it was interrupted: Ctrl-C may have reached this process as well, or not.
  process.on('SIGUSR2', () => {
    if (!foreground || signals > 0) return;
    signals += 1;
    stop('SIGINT');
  });
  process.on('SIGHUP', () => undefined);
}

await main();
