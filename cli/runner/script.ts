/**
 * The one-line scripts a launcher runs, one for each command.
 *
 * Two forms. The *full* one forks a subshell that first says its process id, changes directory and becomes the command's
 * shell. The *short* one changes the launcher's own directory and runs the command's shell as a simple command, which
 * dash starts with vfork: 0.1 ms of 1.4 ms saved, and no process id. It is for commands known to be short, and asks first
 * whether it is still wanted: it may have waited in the pipe behind another one while its runner changed its mind.
 *
 * Nothing begins once the runner is gone: another attempt may be under way by then.
 *
 * Each command gets a foreground process: a shell without job control starts background ones with interrupts ignored, and
 * commands that use them would not work. Standard output and error go to files opened for appending, never to pipes, so
 * that what a command leaves behind disturbs neither us nor the next command.
 */
import { type ByteString, shellQuote } from './bytes.ts';
import type { PlainCommand } from './plain-words.ts';

/** The kernel's limit for one argument, its final NUL included. */
export const ARGUMENT_BYTES_MAX = 131_072;

export interface CommandLine {
  /** Absolute path of the shell that runs the command. */
  readonly shell: ByteString;
  /** The command, with what has to stand before it. */
  readonly text: ByteString;
  /** It needs no shell; only short scripts do without. */
  readonly plain: PlainCommand | null;
  /** '' or the Unix group to run as: newgrp then reads `groupInput` from `inputPath`. */
  readonly unixGroup: ByteString;
  readonly inputPath: ByteString;
  readonly dir: ByteString;
  /** `NAME='value' …` */
  readonly assignments: ByteString;
  /** Words for env(1). */
  readonly byEnv: ByteString;
  readonly oldPwd: ByteString | null;
  readonly outPath: ByteString;
  readonly errPath: ByteString;
}

/** The command's text after the rules of jobs.md §13. */
export function commandText(cmd: ByteString, modules: readonly ByteString[]): ByteString {
  const loaded =
    modules.length > 0 ? `module load --force ${modules.map(shellQuote).join(' ')}; ${cmd}` : cmd;
  return withPipefail(loaded);
}

/** A failure anywhere in a pipe is one of the command. */
export function withPipefail(text: ByteString): ByteString {
  return text.includes(' | ') ? `set -o pipefail; ${text}` : text;
}

/** Wakes the runner. */
export const BELL = 'echo\n';

export function fullScript(tag: string, line: CommandLine, runnerPid: number): ByteString {
  // The directory of the process itself is where a shell without $BASHPID can read its own id without a fork.
  const announce = `cd -P /proc/self 2>/dev/null&&echo "${tag} s $PWD">&2&&echo`;
  const enter = `cd ${shellQuote(line.dir)}||{ echo "${tag} x">&2;exit 1;}`;
  const exports = line.assignments === '' ? '' : `export ${line.assignments};`;
  const run = `(${announce};${enter};${oldPwdStep(line)}${exports}exec ${invocation(line)})`;
  return `kill -0 ${runnerPid}&&{ ${run};${ended(tag)};echo;}\n`;
}

export function shortScript(tag: string, line: CommandLine, guard: ShortGuard): ByteString {
  const wanted = `[ -e ${guard.wantedPath} ]&&kill -0 ${guard.runnerPid}`;
  const run = `${oldPwdStep(line)}${line.assignments}${invocation(line)};${ended(tag)}`;
  return `${wanted}&&if cd ${shellQuote(line.dir)};then ${run};else { echo "${tag} x";echo "${tag} e 1";}>&2;fi||echo "${tag} r">&2\n`;
}

/** Says how the command ended, and before that what all commands of this launcher have used so far, which costs next to nothing. */
function ended(tag: string): ByteString {
  return `{ set -- $?;times;echo "${tag} e $1";}>&2`;
}

export interface ShortGuard {
  /** Quoted; the file is there while what waits in the pipe is wanted. */
  readonly wantedPath: ByteString;
  readonly runnerPid: number;
}

/** The launcher's own steps are no concern of the command. */
function oldPwdStep({ oldPwd }: CommandLine): ByteString {
  return oldPwd === null ? 'unset OLDPWD;' : `OLDPWD=${shellQuote(oldPwd)};`;
}

/**
 * What newgrp's shell, the user's own, is given to read: to become the shell that runs commands. The command cannot read on
 * where that shell stopped.
 */
export function groupInput({ shell, text, byEnv }: CommandLine): ByteString {
  return `exec ${throughEnv(byEnv)}${shell} -c ${shellQuote(text)} </dev/null\n`;
}

function throughEnv(byEnv: ByteString): ByteString {
  return byEnv === '' ? '' : `/usr/bin/env ${byEnv}`;
}

function invocation(line: CommandLine): ByteString {
  const through = throughEnv(line.byEnv);
  const outputs = `>>${line.outPath} 2>>${line.errPath}`;
  if (line.plain !== null)
    return `_=${shellQuote(line.plain.program)} ${line.plain.text} </dev/null ${outputs}`;
  if (line.unixGroup !== '') return `newgrp ${shellQuote(line.unixGroup)} <${line.inputPath} ${outputs}`;
  return `${through}${line.shell} -c ${shellQuote(line.text)} </dev/null ${outputs}`;
}
