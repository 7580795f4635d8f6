/**
 * Templates as they are stored and compared: one canonical JSON text per set of options.
 *
 * What is zero for its kind ('' 0 false null [] {}) is left out, so that the text of an everyday template is short, a
 * million templates that differ in one word cost little, and an option that a later version adds is absent from older
 * texts with the meaning it had then. The order of the members is that of `FIELDS`.
 */
import { WrError } from './errors.ts';
import {
  type Behaviour,
  type CommandDependency,
  DELTA_FIELDS,
  type JobDelta,
  type JobOptions,
  type MountConfig,
  ZERO_JOB_OPTIONS,
} from './job-options.ts';

const FIELDS = Object.keys(ZERO_JOB_OPTIONS) as readonly (keyof JobOptions)[];

/** Two sets of options are equal exactly when their texts are. */
export function templateJson(options: JobOptions): string {
  const kept: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value = canonical(field, options);
    if (!isZero(value)) kept[field] = value;
  }
  return JSON.stringify(kept);
}

/**
 * The options of a stored template.
 * @throws {WrError} STORE_UNREADABLE when the text is none that {@link templateJson} made
 */
export function parseTemplate(json: string): JobOptions {
  const stored = parseStored(json, 'template');
  const options: Record<string, unknown> = { ...ZERO_JOB_OPTIONS };
  for (const [field, value] of Object.entries(stored)) {
    if (!Object.hasOwn(ZERO_JOB_OPTIONS, field)) continue; // An option of a newer version, which a newer manager would carry out.
    if (!isLike(value, ZERO_JOB_OPTIONS[field as keyof JobOptions])) {
      throw new WrError('STORE_UNREADABLE', `a stored template holds a bad ${field}`);
    }
    options[field] = value;
  }
  return options as unknown as JobOptions;
}

/** A job's own options: its template with what it says differently. */
export function mergeDelta(
  template: JobOptions,
  delta: JobDelta | null,
  priority: number | null = null,
): JobOptions {
  if (delta === null && priority === null) return template;
  return { ...template, ...delta, ...(priority === null ? {} : { priority }) };
}

/** The fields in which a job differs from its template, the priority excepted; `null`: none. */
export function deltaBetween(base: JobOptions, own: JobDelta): JobDelta | null {
  const delta: Record<string, unknown> = {};
  let differs = false;
  for (const field of DELTA_FIELDS) {
    const value = own[field];
    if (field === 'priority' || value === undefined || isSame(value, base[field])) continue;
    delta[field] = value;
    differs = true;
  }
  return differs ? (delta as JobDelta) : null;
}

/** Characters that JSON writes differently, and those that may be half a pair. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u;

/**
 * A delta as segments hold it: `JSON.stringify`'s text, put together by hand where it is nothing but dependencies with
 * everyday names, for a million of those are written for a large add.
 */
export function deltaJson(delta: JobDelta): string {
  let json = '';
  for (const field in delta) {
    const text = fieldJson(field as keyof JobDelta, delta);
    if (text === null) return JSON.stringify(delta);
    json += json === '' ? text : `,${text}`;
  }
  return `{${json}}`;
}

/** `null`: it needs more care. */
function fieldJson(field: keyof JobDelta, { depGroups, deps, cmdDeps }: JobDelta): string | null {
  if (field === 'depGroups' && depGroups !== undefined) return namesJson(field, depGroups);
  if (field === 'deps' && deps !== undefined) return namesJson(field, deps);
  if (field !== 'cmdDeps' || cmdDeps === undefined || cmdDeps.length > 1) return null;
  const [only] = cmdDeps;
  if (only === undefined) return '"cmdDeps":[]';
  if (!('cmd' in only) || ESCAPED.test(only.cmd) || ESCAPED.test(only.cwd)) return null;
  return `"cmdDeps":[{"cmd":"${only.cmd}","cwd":"${only.cwd}"}]`;
}

function namesJson(field: string, names: readonly string[]): string | null {
  if (names.length > 1)
    return names.some((name) => ESCAPED.test(name)) ? null : `"${field}":["${names.join('","')}"]`;
  const [only] = names;
  if (only === undefined) return `"${field}":[]`;
  return ESCAPED.test(only) ? null : `"${field}":["${only}"]`;
}

/**
 * Reads what {@link deltaJson} wrote.
 * @throws {WrError} STORE_UNREADABLE
 */
export function parseDelta(json: string): JobDelta {
  const stored = parseStored(json, 'job');
  for (const [field, value] of Object.entries(stored)) {
    if (
      !(DELTA_FIELDS as readonly string[]).includes(field) ||
      !isLike(value, ZERO_JOB_OPTIONS[field as keyof JobDelta])
    ) {
      throw new WrError('STORE_UNREADABLE', `a stored job holds a bad ${field}`);
    }
  }
  return stored as JobDelta;
}

function parseStored(json: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (cause) {
    throw new WrError('STORE_UNREADABLE', `a stored ${what} is damaged`, { cause });
  }
  throw new WrError('STORE_UNREADABLE', `a stored ${what} is damaged`);
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === '' || value === 0 || value === false || value === null;
}

function isLike(value: unknown, zero: unknown): boolean {
  if (zero === null) return typeof value === 'string';
  return typeof value === typeof zero && value !== null && Array.isArray(value) === Array.isArray(zero);
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((element, at) => {
    const other: unknown = b[at];
    if (element === other) return true;
    return typeof element === 'object' && JSON.stringify(element) === JSON.stringify(other);
  });
}

/** A field's value with its members in a fixed order, for those that hold objects. */
function canonical(field: keyof JobOptions, options: JobOptions): unknown {
  switch (field) {
    case 'other':
    case 'resources':
      return Object.fromEntries(Object.entries(options[field]).sort(([a], [b]) => (a < b ? -1 : 1)));
    case 'mounts':
      return options.mounts.map(canonicalMount);
    case 'onFailure':
    case 'onSuccess':
    case 'onExit':
      return options[field].map(canonicalBehaviour);
    case 'cmdDeps':
      return options.cmdDeps.map(canonicalDependency);
    default:
      return options[field];
  }
}

function canonicalBehaviour({
  run,
  copy_to_manager,
  cleanup,
  cleanup_all,
  remove,
  nothing,
}: Behaviour): unknown {
  return { run, copy_to_manager, cleanup, cleanup_all, remove, nothing };
}

function canonicalMount({ Mount, CacheBase, Retries, Verbose, Targets }: MountConfig): unknown {
  const targets = Targets.map(({ Profile, Path, CacheDir, Cache, Write }) => ({
    Profile,
    Path,
    CacheDir,
    Cache,
    Write,
  }));
  return { Mount, CacheBase, Retries, Verbose, Targets: targets };
}

function canonicalDependency(dependency: CommandDependency): unknown {
  if ('cmd' in dependency) return { cmd: dependency.cmd, cwd: dependency.cwd };
  return 'jobKey' in dependency ? { jobKey: dependency.jobKey } : { depGroup: dependency.depGroup };
}
