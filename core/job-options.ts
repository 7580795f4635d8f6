/**
 * What a user may say about a command besides its text (spec: jobs.md §1).
 *
 * All jobs of an add that say the same share one *template*: these options, interned by content. What tends to differ
 * from one job to the next within an otherwise equal set stands in the job's own *delta*, so that a million jobs with
 * their own priority or dependency group still share a template.
 */
import type { Resources } from './resource-names.ts';

export type Override = 0 | 1 | 2;

/** One step of on_failure, on_success or on_exit (jobs.md §14). */
export interface Behaviour {
  readonly run?: string;
  readonly cleanup?: boolean;
  readonly cleanup_all?: boolean;
  readonly remove?: boolean;
  readonly nothing?: boolean;
  readonly copy_to_manager?: readonly string[];
}

export interface MountTarget {
  readonly Profile?: string;
  readonly Path: string;
  readonly CacheDir?: string;
  readonly Cache?: boolean;
  readonly Write?: boolean;
}

/** A set of buckets that appear below one mount point (cli.md §9). */
export interface MountConfig {
  readonly Mount?: string;
  readonly CacheBase?: string;
  readonly Retries?: number;
  readonly Verbose?: boolean;
  readonly Targets: readonly MountTarget[];
}

/** A static dependency: one command, by its text and directory, or by key, or a dependency group. */
export type CommandDependency =
  | { readonly cmd: string; readonly cwd: string }
  | { readonly jobKey: string }
  | { readonly depGroup: string };

export interface JobOptions {
  readonly cwd: string;
  readonly cwdMatters: boolean;
  readonly changeHome: boolean;
  readonly repGroup: string;
  /** `null`: the base name of the command's first word. Kept so, that differing commands still share a template. */
  readonly reqGroup: string | null;
  readonly unixGroup: string;
  /** MB; `memorySet` tells whether the user said so. */
  readonly memoryMb: number;
  readonly memorySet: boolean;
  readonly timeMs: number;
  readonly timeSet: boolean;
  /** Fractions allowed; 0 means negligible. */
  readonly cpus: number;
  readonly diskGb: number;
  readonly diskSet: boolean;
  /** Units of counted resources that an attempt has to itself, by name. */
  readonly resources: Resources;
  readonly override: Override;
  /** 0–255, higher first. */
  readonly priority: number;
  /** 0–255: automatic retries after the first attempt. */
  readonly retries: number;
  /** 0: off. */
  readonly noRetryOverWalltimeMs: number;
  /** Burials at which its report group stops; 0: nothing is said; −1: none. */
  readonly maxFails: number;
  /** As given, with any `:n`; each name once, in order. */
  readonly limitGroups: readonly string[];
  readonly depGroups: readonly string[];
  readonly deps: readonly string[];
  readonly cmdDeps: readonly CommandDependency[];
  readonly modules: readonly string[];
  readonly onFailure: readonly Behaviour[];
  readonly onSuccess: readonly Behaviour[];
  readonly onExit: readonly Behaviour[];
  readonly mounts: readonly MountConfig[];
  /** `KEY=value` overrides laid over the captured environment. */
  readonly env: readonly string[];
  /** Which captured environment is the base: the MD5 of its content, or '' for the runner's own. */
  readonly envId: string;
  readonly monitorDocker: string;
  readonly withDocker: string;
  readonly withSingularity: string;
  readonly containerMounts: string;
  readonly containerImageUser: boolean;
  readonly bsubMode: string;
  /** Its index in an array of commands; '': it is of none. */
  readonly arrayIndex: string;
  /** Scheduler-specific extras: scheduler_queue, cloud_os, rtimeout… (schedulers.md §1.2). */
  readonly other: Readonly<Record<string, string>>;
}

/** What a job says differently from its template. */
export type JobDelta = Partial<
  Pick<JobOptions, 'cwd' | 'priority' | 'depGroups' | 'deps' | 'cmdDeps' | 'env' | 'arrayIndex'>
>;

export const DELTA_FIELDS = [
  'cwd',
  'priority',
  'depGroups',
  'deps',
  'cmdDeps',
  'env',
  'arrayIndex',
] as const satisfies readonly (keyof JobDelta)[];

/** Every option with its zero value. */
export const ZERO_JOB_OPTIONS: JobOptions = {
  cwd: '',
  cwdMatters: false,
  changeHome: false,
  repGroup: '',
  reqGroup: null,
  unixGroup: '',
  memoryMb: 0,
  memorySet: false,
  timeMs: 0,
  timeSet: false,
  cpus: 0,
  diskGb: 0,
  diskSet: false,
  resources: {},
  override: 0,
  priority: 0,
  retries: 0,
  noRetryOverWalltimeMs: 0,
  maxFails: 0,
  limitGroups: [],
  depGroups: [],
  deps: [],
  cmdDeps: [],
  modules: [],
  onFailure: [],
  onSuccess: [],
  onExit: [],
  mounts: [],
  env: [],
  envId: '',
  monitorDocker: '',
  withDocker: '',
  withSingularity: '',
  containerMounts: '',
  containerImageUser: false,
  bsubMode: '',
  arrayIndex: '',
  other: {},
};

/** The options of `wr add` without flags, but for `cwd` and `envId`, which depend on who adds (cli.md §2.2). */
export const DEFAULT_JOB_OPTIONS: JobOptions = {
  ...ZERO_JOB_OPTIONS,
  cwd: '/tmp',
  repGroup: 'manually_added',
  memoryMb: 1024,
  timeMs: 3_600_000,
  cpus: 1,
  retries: 3,
  onExit: [{ cleanup: true }],
};
