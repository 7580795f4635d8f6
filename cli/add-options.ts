/** The flags of `wr add` as the options that a line gets which says nothing itself (spec: cli.md §2.2, since-0.36.md §1.3). */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { badOption } from '../core/bad-option.ts';
import { parseBehaviours } from '../core/behaviours.ts';
import { parseCmdDeps } from '../core/command-dependencies.ts';
import { expandHome } from '../core/config.ts';
import {
  BYTE_MAX,
  checkContainerMounts,
  checkInteger,
  checkMaxFails,
  cleanQueues,
  parseCpusOption,
  parseEnvList,
  parseMemoryDefault,
  parseOverride,
  parseTimeDefault,
  parseTimeOption,
  splitList,
} from '../core/job-fields.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../core/job-options.ts';
import { checkLimitGroups } from '../core/limit-names.ts';
import { parseMounts, parseSimpleMounts } from '../core/mounts.ts';
import { parseResources } from '../core/resource-names.ts';
import { type FlagSpecs, type Flags, UsageError } from './flags.ts';

const TEXT = { type: 'string' } as const;
const SWITCH = { type: 'boolean' } as const;
const INTEGER = { type: 'integer' } as const;

/** What a flag of `wr add` says about commands; `wr mod` takes most of them too. */
export const JOB_FLAGS = {
  rep_grp: { type: 'string', short: 'i' },
  limit_grps: { type: 'string', short: 'l' },
  modules: TEXT,
  dep_grps: { type: 'string', short: 'e' },
  deps: { type: 'string', short: 'd' },
  cmd_deps: TEXT,
  cwd: { type: 'string', short: 'c' },
  cwd_matters: SWITCH,
  change_home: SWITCH,
  req_grp: { type: 'string', short: 'g' },
  memory: { type: 'string', short: 'm' },
  time: { type: 'string', short: 't' },
  cpus: TEXT,
  disk: INTEGER,
  resources: TEXT,
  override: { type: 'string', short: 'o', values: ['no', 'higher', 'always'] },
  priority: { type: 'integer', short: 'p' },
  retries: { type: 'integer', short: 'r' },
  max_fails: INTEGER,
  no_retry_over_walltime: { type: 'string', short: 'n' },
  monitor_docker: TEXT,
  with_docker: TEXT,
  with_singularity: TEXT,
  container_mounts: TEXT,
  container_image_user: SWITCH,
  on_failure: TEXT,
  on_success: TEXT,
  on_exit: TEXT,
  mount_json: { type: 'string', short: 'j' },
  mounts: TEXT,
  queue: TEXT,
  queues_avoid: TEXT,
  misc: TEXT,
  cloud_os: TEXT,
  cloud_username: TEXT,
  cloud_ram: INTEGER,
  cloud_flavor: TEXT,
  cloud_script: TEXT,
  cloud_config_files: TEXT,
  cloud_shared: SWITCH,
  env: TEXT,
  bsub: SWITCH,
  group: TEXT,
  reserve_timeout: { type: 'integer', hidden: true },
} as const satisfies FlagSpecs;

export type JobFlags = Flags<typeof JOB_FLAGS>;

export interface AddSurroundings {
  readonly deployment: string;
  readonly home: string;
  /** Where the user is, or `/tmp` for a manager elsewhere. */
  readonly cwd: string;
}

const INT_MAX = 2 ** 31 - 1;

/** @throws {WrError} BAD_OPTION naming flag, value and accepted form */
export function optionsFromFlags(flags: JobFlags, around: AddSurroundings): JobOptions {
  if (flags.withDocker && flags.withSingularity) {
    throw new UsageError('--with_docker and --with_singularity are mutually exclusive');
  }
  const bsub = flags.bsub === true;
  return {
    ...DEFAULT_JOB_OPTIONS,
    cwd: flags.cwd || around.cwd,
    cwdMatters: flags.cwdMatters ?? bsub,
    changeHome: flags.changeHome ?? false,
    repGroup: flags.repGrp || DEFAULT_JOB_OPTIONS.repGroup,
    reqGroup: flags.reqGrp || null,
    unixGroup: flags.group ?? '',
    ...amounts(flags),
    resources: parseResources(flags.resources ?? ''),
    override: flags.override === undefined ? 0 : parseOverride(flags.override, '--override'),
    priority: checkInteger(flags.priority ?? 0, '--priority', 0, BYTE_MAX),
    retries: checkInteger(flags.retries ?? DEFAULT_JOB_OPTIONS.retries, '--retries', 0, BYTE_MAX),
    maxFails: flags.maxFails === undefined ? 0 : checkMaxFails(flags.maxFails),
    limitGroups: checkLimitGroups(splitList(flags.limitGrps ?? ''), '--limit_grps'),
    depGroups: splitList(flags.depGrps ?? ''),
    deps: splitList(flags.deps ?? ''),
    cmdDeps: parseCmdDeps(flags.cmdDeps ?? ''),
    modules: splitList(flags.modules ?? ''),
    onFailure: parseBehaviours(flags.onFailure ?? '', '--on_failure'),
    onSuccess: parseBehaviours(flags.onSuccess ?? '', '--on_success'),
    onExit:
      flags.onExit === undefined ? DEFAULT_JOB_OPTIONS.onExit : parseBehaviours(flags.onExit, '--on_exit'),
    mounts: mountsFromFlags(flags),
    env: parseEnvList(flags.env ?? ''),
    monitorDocker: flags.monitorDocker ?? '',
    withDocker: flags.withDocker ?? '',
    withSingularity: flags.withSingularity ?? '',
    containerMounts: checkContainerMounts(flags.containerMounts ?? '', '--container_mounts'),
    containerImageUser: flags.containerImageUser ?? false,
    bsubMode: bsub ? around.deployment : '',
    other: otherRequests(flags, around.home),
  };
}

type Amounts = Pick<
  JobOptions,
  'memoryMb' | 'memorySet' | 'timeMs' | 'timeSet' | 'cpus' | 'diskGb' | 'diskSet' | 'noRetryOverWalltimeMs'
>;

function amounts(flags: JobFlags): Amounts {
  const { memoryMb, timeMs, cpus } = DEFAULT_JOB_OPTIONS;
  return {
    memoryMb: flags.memory === undefined ? memoryMb : parseMemoryDefault(flags.memory, '--memory'),
    memorySet: Boolean(flags.memory?.trim()),
    timeMs: flags.time === undefined ? timeMs : parseTimeDefault(flags.time, '--time'),
    timeSet: Boolean(flags.time?.trim()),
    cpus: flags.cpus === undefined ? cpus : parseCpusOption(flags.cpus, '--cpus'),
    diskGb: checkInteger(flags.disk ?? 0, '--disk', 0, INT_MAX),
    diskSet: flags.disk !== undefined,
    noRetryOverWalltimeMs: flags.noRetryOverWalltime
      ? parseTimeOption(flags.noRetryOverWalltime, '--no_retry_over_walltime')
      : 0,
  };
}

/** A flag and its value as they were given, for an option by its name in JSON. */
export function asGiven({ mounts, mountJson }: JobFlags): (name: string, value: string) => string {
  return (name, value) => {
    if (name !== 'mounts') return `--${name} (${value})`;
    return mounts ? `--mounts (${mounts})` : `--mount_json (${mountJson})`;
  };
}

/** `--mount_json` or `--mounts`, which say the same in two ways. */
export function mountsFromFlags(flags: {
  readonly mountJson?: string;
  readonly mounts?: string;
}): JobOptions['mounts'] {
  if (flags.mountJson && flags.mounts)
    throw new UsageError('--mount_json and --mounts are mutually exclusive');
  return flags.mounts ? parseSimpleMounts(flags.mounts) : parseMounts(flags.mountJson ?? '');
}

/** What only some schedulers understand; all of it is kept with the command. */
function otherRequests(flags: JobFlags, home: string): Record<string, string> {
  const requests: Record<string, string | undefined> = {
    scheduler_queue: flags.queue,
    scheduler_queues_avoid: cleanQueues(flags.queuesAvoid ?? ''),
    scheduler_misc: flags.misc,
    cloud_os: flags.cloudOs,
    cloud_user: flags.cloudUsername,
    cloud_os_ram: integerText(flags.cloudRam, '--cloud_ram'),
    cloud_flavor: flags.cloudFlavor,
    cloud_script: flags.cloudScript ? readScript(expandHome(flags.cloudScript, home)) : '',
    cloud_config_files: flags.cloudConfigFiles,
    cloud_shared: flags.cloudShared === true ? 'true' : '',
    rtimeout:
      flags.reserveTimeout === undefined
        ? ''
        : String(checkInteger(flags.reserveTimeout, '--reserve_timeout', 0, INT_MAX)),
  };
  return Object.fromEntries(
    Object.entries(requests).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

/** 0 counts as not given. */
function integerText(value: number | undefined, name: string): string {
  return value ? String(checkInteger(value, name, 0, INT_MAX)) : '';
}

function readScript(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw badOption('--cloud_script', path, `it could not be read: ${(cause as Error).message}`);
  }
}

/** Where commands run that do not say so: inside a job of wr, where that job was added. */
export function defaultCwd(cwd: string, env: Readonly<Record<string, string | undefined>>): string {
  const inJob = env.WR_JOB_CWD;
  return inJob !== undefined && isAbsolute(inJob) ? inJob : cwd;
}
