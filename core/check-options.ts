/** The options of commands as messages carry them. */
import { MAX_FAILS_MAX, NO_BUDGET } from './fail-budgets.ts';
import { BYTE_MAX } from './job-fields.ts';
import type { Behaviour, JobOptions, MountConfig, MountTarget } from './job-options.ts';
import {
  type Check,
  type Checks,
  faultOf,
  isAmount,
  isFlag,
  isIntegerIn,
  isLike,
  isListOf,
  isObject,
  isPlainText,
  isText,
  nullable,
  optional,
} from './message-values.ts';
import { isResources } from './resource-names.ts';
import { MEMORY_MB_MAX } from './units.ts';

const LARGE_MAX = Number.MAX_SAFE_INTEGER;
const isWhole = isIntegerIn(0, LARGE_MAX);
const isWords: Check = isListOf(isPlainText);

const isBehaviour = isLike<Behaviour>({
  run: optional(isPlainText),
  cleanup: optional(isFlag),
  cleanup_all: optional(isFlag),
  remove: optional(isFlag),
  nothing: optional(isFlag),
  copy_to_manager: optional(isWords),
});

const isMountTarget = isLike<MountTarget>({
  Profile: optional(isText),
  Path: isText,
  CacheDir: optional(isText),
  Cache: optional(isFlag),
  Write: optional(isFlag),
});

const isMount = isLike<MountConfig>({
  Mount: optional(isText),
  CacheBase: optional(isText),
  Retries: optional(isWhole),
  Verbose: optional(isFlag),
  Targets: isListOf(isMountTarget),
});

const isCommandDependency: Check = (value) => {
  if (!isObject(value)) return false;
  if (value.cmd !== undefined) return isText(value.cmd) && isText(value.cwd);
  return isText(value.jobKey) || isText(value.depGroup);
};

const isEnv: Check = (value) => {
  return isWords(value) && (value as readonly string[]).every((entry) => entry.indexOf('=') > 0);
};

const CHECKS: Checks<JobOptions> = {
  cwd: isPlainText,
  cwdMatters: isFlag,
  changeHome: isFlag,
  repGroup: isPlainText,
  reqGroup: nullable(isPlainText),
  unixGroup: isPlainText,
  memoryMb: isIntegerIn(0, MEMORY_MB_MAX),
  memorySet: isFlag,
  timeMs: isWhole,
  timeSet: isFlag,
  cpus: isAmount,
  diskGb: isWhole,
  diskSet: isFlag,
  resources: isResources,
  override: isIntegerIn(0, 2),
  priority: isIntegerIn(0, BYTE_MAX),
  retries: isIntegerIn(0, BYTE_MAX),
  noRetryOverWalltimeMs: isAmount,
  maxFails: isIntegerIn(NO_BUDGET, MAX_FAILS_MAX),
  limitGroups: isWords,
  depGroups: isWords,
  deps: isWords,
  cmdDeps: isListOf(isCommandDependency),
  modules: isWords,
  onFailure: isListOf(isBehaviour),
  onSuccess: isListOf(isBehaviour),
  onExit: isListOf(isBehaviour),
  mounts: isListOf(isMount),
  env: isEnv,
  envId: isPlainText,
  monitorDocker: isPlainText,
  withDocker: isPlainText,
  withSingularity: isPlainText,
  containerMounts: isPlainText,
  containerImageUser: isFlag,
  bsubMode: isPlainText,
  arrayIndex: isPlainText,
  other: (value) => isObject(value) && Object.values(value).every(isPlainText),
};

/**
 * Options as they are laid over others, or whole.
 * @param isWhole - each option must be there
 * @returns the first that is not what it must be, or that nobody knows; '': they are all right; `null`: these are no options
 */
export function optionsFault(options: unknown, isWhole: boolean): string | null {
  if (!isObject(options)) return null;
  for (const name in options) {
    // One of a newer version, which this one would not carry out.
    if (!Object.hasOwn(CHECKS, name)) return name;
    if (!CHECKS[name as keyof JobOptions](options[name])) return name;
  }
  return isWhole ? faultOf(options, CHECKS) : '';
}
