/** Chooses the scheduler by its name. */
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../core/config.ts';
import { WrError } from '../../core/errors.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import type { Flags } from '../flags.ts';
import type { Log } from '../log.ts';
import { leavingsIn } from './leavings.ts';
import { LocalScheduler } from './local.ts';
import { NoScheduler } from './none.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * @param address - host and port by which runners reach the manager
 * @throws {WrError} NOT_SUPPORTED: there is no such scheduler yet
 */
export function openScheduler(config: Config, flags: Flags, address: string, log: Log): Scheduler {
  const name = flags.scheduler ?? config.scheduler;
  if (name === 'none') return new NoScheduler();
  if (name !== 'local') {
    throw new WrError('NOT_SUPPORTED', `the scheduler ${name} is not supported yet; local and none are`);
  }
  return new LocalScheduler({
    maxCores: Number(flags.max_cores ?? -1),
    maxRamMb: Number(flags.max_ram ?? -1),
    entryFile: fileURLToPath(new URL('../../cli/main.js', import.meta.url)),
    deployment: config.deployment,
    server: address,
    certDomain: config.certDomain,
    logDir: flags.runner_filelog ?? '',
    syslog: flags.runner_syslog === true,
    errorFile: `${config.managerDir}/runner.stderr`,
    hasLeavings: leavingsIn(tmpdir(), config.managerDir),
    clock: SYSTEM_CLOCK,
    log,
  });
}
