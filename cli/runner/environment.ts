/** Environments of commands: what was captured with them, what they say differently, what the runner adds (jobs.md §12.3). */

import { accessSync, constants, readFileSync } from 'node:fs';
import { ARRAY_VARIABLE } from '../../core/array-pattern.ts';
import { MARK_NAME } from '../../core/attempt-mark.ts';
import type { JobOptions } from '../../core/job-options.ts';
import { CUDA_VARIABLE, VARIABLE_START } from '../../core/resource-names.ts';
import { type ByteString, bytesToByteString, shellQuote, toByteString } from './bytes.ts';

export type Environment = ReadonlyMap<string, ByteString>;

/** What every command gets, so that it can itself use `wr` (runner.md §2.4). */
export interface NestedUse {
  /** How `wr` finds this manager, wherever it is called and whatever HOME is by then. */
  readonly variables: Readonly<Record<string, string>>;
  /** Directory of our executable. */
  readonly programDir: string;
  /** Our executable itself. */
  readonly program: string;
  /** Directory of the Node that runs it: our executable asks PATH for one. */
  readonly nodeDir: string;
}

/** Variables set for one command only, split by the way they can be set. */
export interface Assignments {
  /** `NAME='value' …`, each followed by a blank. */
  readonly plain: ByteString;
  /** Quoted `NAME=value` words for env(1): names a shell cannot hold or does not let one set. */
  readonly byEnv: ByteString;
}

const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Some shells refuse assignments to these, or give them a meaning of their own. */
const SHELL_OWN = new Set([
  'UID',
  'EUID',
  'PPID',
  'IFS',
  'OPTIND',
  'OPTARG',
  'LINENO',
  'PS1',
  'PS2',
  'PS4',
  'SHELLOPTS',
  'BASHOPTS',
]);

/**
 * @param bytes - `KEY=value` entries, NUL-separated; entries that define nothing are left out, of several the last counts
 */
export function parseEnvironment(bytes: Uint8Array): Environment {
  const environment = new Map<string, ByteString>();
  for (const entry of bytesToByteString(bytes).split('\0')) define(environment, entry);
  return environment;
}

/** The runner's own, byte for byte where the system tells it so. */
export function ownEnvironment(): Environment {
  try {
    return parseEnvironment(readFileSync('/proc/self/environ'));
  } catch {
    return new Map(
      Object.entries(process.env).map(
        ([name, value]) => [toByteString(name), toByteString(value ?? '')] as const,
      ),
    );
  }
}

function define(environment: Map<string, ByteString>, entry: ByteString): void {
  const equals = entry.indexOf('=');
  if (equals > 0) environment.set(entry.slice(0, equals), entry.slice(equals + 1));
}

/** A base with what nested use needs laid over it. */
export function withNestedUse(base: Environment, nested: NestedUse): Environment {
  const environment = new Map(base);
  for (const [name, value] of Object.entries(nested.variables)) environment.set(name, toByteString(value));
  environment.set('PATH', withPrograms(environment.get('PATH') ?? '', nested));
  // A directory of its own is said afresh to each command that has one.
  environment.delete('WR_JOB_CWD');
  withoutResources(environment);
  environment.delete(ARRAY_VARIABLE);
  environment.delete(MARK_NAME);
  return environment;
}

/** What the command that added this one was given is not this one's: neither is what was said of it. */
function withoutResources(environment: Map<string, ByteString>): void {
  const gpus = environment.get(`${VARIABLE_START}GPU`);
  if (gpus !== undefined && environment.get(CUDA_VARIABLE) === gpus) environment.delete(CUDA_VARIABLE);
  for (const name of [...environment.keys()]) if (name.startsWith(VARIABLE_START)) environment.delete(name);
}

/** A PATH that also leads to `wr`, and to a Node where it leads to none: wr may have been started by one that is not on it. */
function withPrograms(path: ByteString, { programDir, nodeDir }: NestedUse): ByteString {
  const directories = path === '' ? [] : path.split(':');
  const add = (directory: ByteString): void => {
    if (!directories.includes(directory)) directories.push(directory);
  };
  add(toByteString(programDir));
  if (!directories.some(holdsNode)) add(toByteString(nodeDir));
  return directories.join(':');
}

function holdsNode(directory: ByteString): boolean {
  if (!directory.startsWith('/')) return false; // Where that is depends on where the command is by then.
  try {
    accessSync(Buffer.from(`${directory}/node`, 'latin1'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `env` of a job, later entries winning; its PATH also leads to our executable. */
export function overridesOf(options: Pick<JobOptions, 'env'>, nested: NestedUse): Map<string, ByteString> {
  const overrides = new Map<string, ByteString>();
  for (const entry of options.env) define(overrides, toByteString(entry));
  const path = overrides.get('PATH');
  if (path !== undefined) overrides.set('PATH', withPrograms(path, nested));
  return overrides;
}

export function assignmentsOf(variables: Iterable<readonly [string, ByteString]>): Assignments {
  let plain = '';
  let byEnv = '';
  for (const [name, value] of variables) {
    if (isForShell(name)) plain += `${name}=${shellQuote(value)} `;
    else byEnv += `${shellQuote(`${name}=${value}`)} `;
  }
  return { plain, byEnv };
}

/** How an environment reaches a launcher: as its own, by exports it makes first, or with each command. */
export interface LauncherEnvironment {
  readonly spawn: Readonly<Record<string, string>>;
  /** `export NAME='value'` lines for what is not ASCII: Node would take it for UTF-8. */
  readonly exports: ByteString;
  /** Quoted words for env(1), for every command. */
  readonly byEnv: ByteString;
  /** What OLDPWD is to be for commands; `null`: not set. The launcher changes directory all the time. */
  readonly oldPwd: ByteString | null;
}

export function launcherEnvironment(environment: Environment): LauncherEnvironment {
  const spawn: Record<string, string> = {};
  let exports = '';
  let byEnv = '';
  for (const [name, value] of environment) {
    if (name === 'PWD' || name === 'OLDPWD') continue;
    if (!isForShell(name)) byEnv += `${shellQuote(`${name}=${value}`)} `;
    else if (isAscii(value)) spawn[name] = value;
    else exports += `export ${name}=${shellQuote(value)}\n`;
  }
  return { spawn, exports, byEnv, oldPwd: environment.get('OLDPWD') ?? null };
}

/** What the kernel limits: of each variable, and of all together. */
export interface Sizes {
  /** `NAME=value` without its end. */
  readonly longest: number;
  readonly bytes: number;
}

const knownSizes = new WeakMap<Environment, Sizes>();
/** A pointer to each variable counts too. */
const POINTER_BYTES = 9;

export function sizesOf(environment: Environment): Sizes {
  let sizes = knownSizes.get(environment);
  if (sizes !== undefined) return sizes;
  let longest = 0;
  let bytes = 0;
  for (const [name, value] of environment) {
    const length = name.length + 1 + value.length;
    longest = Math.max(longest, length);
    bytes += length + POINTER_BYTES;
  }
  sizes = { longest, bytes };
  knownSizes.set(environment, sizes);
  return sizes;
}

/** For child processes started directly: what Node can pass on. */
export function toSpawnEnvironment(environment: Environment): Record<string, string> {
  const spawn: Record<string, string> = {};
  for (const [name, value] of environment) spawn[name] = Buffer.from(value, 'latin1').toString('utf8');
  return spawn;
}

function isForShell(name: string): boolean {
  return SHELL_NAME.test(name) && !SHELL_OWN.has(name);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 127) return false;
  return true;
}
