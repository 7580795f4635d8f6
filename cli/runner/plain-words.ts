/**
 * Commands that need no shell: a program's name and plain words. `bash -c` would only look the program up and become it,
 * which costs more than most short programs do (1.1 ms of CPU a time, measured); so short ones of them are started by the
 * launcher itself, as make does (docs/decisions/0016-no-shell-for-plain-words.md).
 *
 * What is not certain to mean the same in every shell is not plain: then the shell gets it.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ByteString } from './bytes.ts';
import type { Environment } from './environment.ts';

/** A command as the launcher can start it. */
export interface PlainCommand {
  readonly text: ByteString;
  /** Absolute path of the program: what a shell leaves in `$_`. */
  readonly program: ByteString;
}

const PLAIN =
  /^[ \t]*([A-Za-z0-9_./+-]+)((?:[ \t]+(?:[A-Za-z0-9_./,:=+@%-]|'[^'\n]*'|"[^"$`\\!\n]*")+)*)[ \t]*$/;

/** Shells that all read plain words in the same way, and nothing else before a command than what is asked for below. */
const SHELLS = new Set(['bash', 'sh', 'dash']);
/** Files and settings of a shell that can change what a command means. */
const SHELL_SETTINGS = ['BASH_ENV', 'ENV', 'SHELLOPTS', 'BASHOPTS', 'POSIXLY_CORRECT', 'CDPATH'];

/** Words that mean something to bash or dash, so that no program of that name would be started. */
const SHELL_WORDS = new Set(
  (
    'if then elif else fi for while until do done case esac in function select time coproc ' +
    '. alias bg bind break builtin caller cd chdir command compgen complete compopt continue declare dirs disown ' +
    'enable eval exec exit export fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd ' +
    'pwd read readarray readonly return set shift shopt source suspend test times trap type typeset ulimit umask ' +
    'unalias unset wait'
  ).split(' '),
);
/** Built into the shells, and the same as a program; `echo` only without options (backslashes are never plain to it). */
const TWINS = new Set(['true', 'false', 'echo']);

/** Whether an environment leaves the meaning of plain words alone. */
export function allowsPlainWords(shell: string, environment: Environment): boolean {
  if (!SHELLS.has(basename(shell))) return false;
  return !SHELL_SETTINGS.some((name) => environment.has(name)) && hasNoFunctions(environment);
}

function hasNoFunctions(environment: Environment): boolean {
  for (const name of environment.keys()) if (name.startsWith('BASH_FUNC_')) return false;
  return true;
}

/** First word and the rest of a command of plain words; `null`: it is none. */
export function plainWords(
  text: ByteString,
): { readonly name: ByteString; readonly rest: ByteString } | null {
  const match = PLAIN.exec(text);
  if (match === null) return null;
  const name = match[1] as string;
  const rest = match[2] as string;
  if (SHELL_WORDS.has(name)) return null;
  if (name === 'echo' && /^[ \t]+["']?-|\\/.test(rest)) return null;
  return { name, rest };
}

/** How long what was found of a program is believed. */
const BELIEVED_MS = 1_000;
const REMEMBERED_MAX = 1_000;

/** Finds programs as a shell would; remembers them for a moment, for a run of commands alike. */
export class Programs {
  readonly #now: () => number;
  #found = new Map<string, ByteString | null>();
  #sinceMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns the command as the launcher can start it; `null`: the shell has to see to it */
  plainCommand(text: ByteString, path: ByteString): PlainCommand | null {
    const words = plainWords(text);
    if (words === null) return null;
    const program = this.#find(words.name, path);
    if (program === null) return null;
    return { text: `${TWINS.has(words.name) ? program : words.name}${words.rest}`, program };
  }

  #find(name: string, path: ByteString): ByteString | null {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs > BELIEVED_MS || this.#found.size > REMEMBERED_MAX) {
      this.#found = new Map();
      this.#sinceMs = nowMs;
    }
    const key = `${path}\0${name}`;
    let program = this.#found.get(key);
    if (program === undefined) {
      program = findProgram(name, path);
      this.#found.set(key, program);
    }
    return program;
  }
}

function findProgram(name: string, path: ByteString): ByteString | null {
  if (name.startsWith('/')) return isProgram(name) ? name : null;
  // Relative names and relative places of PATH are for the shell, in the command's own directory.
  if (name.includes('/')) return null;
  for (const directory of path.split(':')) {
    if (!directory.startsWith('/')) return null;
    const candidate = `${directory}/${name}`;
    if (statSync(Buffer.from(candidate, 'latin1'), { throwIfNoEntry: false }) === undefined) continue;
    return isProgram(candidate) ? candidate : null;
  }
  return null;
}

const HEAD_BYTES = 20;

/** Whether the kernel itself can run it: for all else shells have ways and words of their own. */
function isProgram(path: ByteString): boolean {
  const file = Buffer.from(path, 'latin1');
  try {
    if (!statSync(file).isFile()) return false;
    accessSync(file, constants.X_OK);
    const head = headOf(file);
    return head.length === HEAD_BYTES && isOurElf(head);
  } catch {
    return false;
  }
}

/** In the format of the program that runs this. */
function isOurElf(head: Buffer): boolean {
  const own = headOf(Buffer.from(process.execPath));
  return own.readUInt32BE(0) === 0x7f454c46 && sameFormat(own, head);
}

/** Magic, class and byte order, and machine. */
function sameFormat(a: Buffer, b: Buffer): boolean {
  return a.compare(b, 0, 6, 0, 6) === 0 && a.compare(b, 18, 20, 18, 20) === 0;
}

function headOf(path: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}
