/**
 * The JSON keys that describe a command, each with how its value is read (spec: cli.md §2.1). Keys of fields that jobs may
 * differ in within a template stand in `job-line.ts`, which reads them for every line; these are read once per template.
 */
import { badOption } from './bad-option.ts';
import { readBehaviours } from './behaviours.ts';
import {
  BYTE_MAX,
  checkContainerMounts,
  checkCpus,
  checkInteger,
  checkMaxFails,
  cleanQueues,
  parseMemoryOption,
  parseTimeOption,
} from './job-fields.ts';
import type { JobOptions, Override } from './job-options.ts';
import {
  asArray,
  asBoolean,
  asNumber,
  asString,
  asStrings,
  shown,
  type UnknownMembers,
} from './json-values.ts';
import { checkLimitGroups } from './limit-names.ts';
import { readMounts } from './mounts.ts';
import { readResources } from './resource-names.ts';

/** What reading a line needs to know besides the line. */
export interface LineSurroundings {
  /** What `"bsub_mode": true` means. */
  readonly deployment: string;
  /** The content of a cloud script; throws what the file system throws. */
  readonly readText: (path: string) => string;
  readonly unknown: UnknownMembers;
}

export type DraftOptions = { -readonly [Field in keyof JobOptions]: JobOptions[Field] };
type Apply = (draft: DraftOptions, value: unknown, name: string, around: LineSurroundings) => void;

const INT_MAX = 2 ** 31 - 1;

/** Fields of one kind: their names, to build the rows of the table. */
type FieldOf<Kind> = {
  [Field in keyof JobOptions]: JobOptions[Field] extends Kind ? Field : never;
}[keyof JobOptions];

/** A value laid over the default unless it is empty, which counts as not given. */
function text(field: FieldOf<string | null>): Apply {
  return (draft, value, name) => {
    const given = asString(value, name);
    if (given !== '') (draft[field] as string) = given;
  };
}

/** Switches can only be switched on: false does not undo a flag. */
function flag(field: FieldOf<boolean>): Apply {
  return (draft, value, name) => {
    if (asBoolean(value, name)) draft[field] = true;
  };
}

function list(field: 'limitGroups' | 'modules', check: ListCheck = (given) => given): Apply {
  return (draft, value, name) => {
    const given = nonEmpty(asStrings(value, name));
    if (given.length > 0) draft[field] = check(given, name);
  };
}

type ListCheck = (given: readonly string[], name: string) => readonly string[];

function behaviours(field: 'onFailure' | 'onSuccess' | 'onExit'): Apply {
  return (draft, value, name, around) => {
    const given = readBehaviours(value, name, around.unknown);
    if (given.length > 0) draft[field] = given;
  };
}

function setOther(draft: DraftOptions, key: string, value: string): void {
  if (value !== '') draft.other = { ...draft.other, [key]: value };
}

function otherText(key: string, clean: (given: string) => string = (given) => given): Apply {
  return (draft, value, name) => setOther(draft, key, clean(asString(value, name)));
}

function otherInteger(key: string): Apply {
  return (draft, value, name) =>
    setOther(draft, key, String(checkInteger(asNumber(value, name), name, 0, INT_MAX)));
}

/** By lower-case key. */
export const TEMPLATE_KEYS: Readonly<Record<string, Apply>> = {
  cwd_matters: flag('cwdMatters'),
  change_home: flag('changeHome'),
  rep_grp: text('repGroup'),
  req_grp: text('reqGroup'),
  group: text('unixGroup'),
  memory: (draft, value, name) => {
    const given = asString(value, name);
    if (given === '') return;
    draft.memoryMb = parseMemoryOption(given, name);
    draft.memorySet = true;
  },
  time: (draft, value, name) => {
    const given = asString(value, name);
    if (given === '') return;
    draft.timeMs = parseTimeOption(given, name);
    draft.timeSet = true;
  },
  no_retry_over_walltime: (draft, value, name) => {
    const given = asString(value, name);
    if (given !== '') draft.noRetryOverWalltimeMs = parseTimeOption(given, name);
  },
  cpus: (draft, value, name) => {
    draft.cpus = checkCpus(asNumber(value, name), shown(value), name);
  },
  disk: (draft, value, name) => {
    draft.diskGb = checkInteger(asNumber(value, name), name, 0, INT_MAX);
    draft.diskSet = true; // Also for a 0.
  },
  resources: (draft, value, name) => {
    const given = readResources(value, name);
    if (Object.keys(given).length > 0) draft.resources = given;
  },
  override: (draft, value, name) => {
    draft.override = checkInteger(asNumber(value, name), name, 0, 2) as Override;
  },
  retries: (draft, value, name) => {
    draft.retries = checkInteger(asNumber(value, name), name, 0, BYTE_MAX);
  },
  max_fails: (draft, value, name) => {
    draft.maxFails = checkMaxFails(asNumber(value, name), name);
  },
  limit_grps: list('limitGroups', checkLimitGroups),
  modules: list('modules'),
  on_failure: behaviours('onFailure'),
  on_success: behaviours('onSuccess'),
  on_exit: behaviours('onExit'),
  mounts: (draft, value, name, around) => {
    if (asArray(value, name).length > 0) draft.mounts = readMounts(value, name, around.unknown);
  },
  monitor_docker: text('monitorDocker'),
  with_docker: text('withDocker'),
  with_singularity: text('withSingularity'),
  container_mounts: (draft, value, name) => {
    const given = asString(value, name);
    if (given !== '') draft.containerMounts = checkContainerMounts(given, name);
  },
  container_image_user: flag('containerImageUser'),
  bsub_mode: (draft, value, name, around) => {
    const given = value === true ? around.deployment : value === false ? '' : asString(value, name);
    if (given !== '') draft.bsubMode = checkDeployment(given, name);
  },
  queue: otherText('scheduler_queue'),
  queues_avoid: otherText('scheduler_queues_avoid', cleanQueues),
  misc: otherText('scheduler_misc'),
  cloud_os: otherText('cloud_os'),
  cloud_username: otherText('cloud_user'),
  cloud_flavor: otherText('cloud_flavor'),
  cloud_config_files: otherText('cloud_config_files'),
  cloud_ram: otherInteger('cloud_os_ram'),
  reserve_timeout: otherInteger('rtimeout'),
  cloud_shared: (draft, value, name) => {
    if (asBoolean(value, name)) setOther(draft, 'cloud_shared', 'true');
  },
  cloud_script: (draft, value, name, around) => {
    const path = asString(value, name);
    if (path !== '') setOther(draft, 'cloud_script', readScript(path, name, around));
  },
};

function checkDeployment(given: string, name: string): string {
  if (given !== 'production' && given !== 'development') {
    throw badOption(name, given, 'it must be true, "production" or "development"');
  }
  return given;
}

function readScript(path: string, name: string, around: LineSurroundings): string {
  try {
    return around.readText(path);
  } catch (cause) {
    throw badOption(name, path, `path [${path}] could not be read: ${(cause as Error).message}`);
  }
}

/** A list without its empty elements. */
export function nonEmpty(elements: readonly string[]): readonly string[] {
  return elements.includes('') ? elements.filter((element) => element !== '') : elements;
}
