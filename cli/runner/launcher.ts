/**
 * A launcher: a plain `sh` that is spawned once and then forks the commands of one slot. Node's own spawn costs a
 * millisecond from a small process and seven from a large one; a small shell forks in a tenth of one.
 *
 * ```
 * runner ── scripts ──► stdin   sh   stdout ── notices ──► runner
 * ```
 *
 * Notices are lines that begin with a tag nobody else knows. Other lines are the shell's own messages; one of them before
 * an exit code above 128 says that a signal ended the command, which the code alone does not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { WrError } from '../../core/errors.ts';
import type { ByteString } from './bytes.ts';
import type { LauncherEnvironment } from './environment.ts';

/** How a command ended. */
export interface LaunchEnd {
  /** As the shell has it: 128 + n may be a signal. */
  readonly status: number;
  /** The shell said that it was one. */
  readonly signalled: boolean;
  /** Its directory could not be entered; it was not started. */
  readonly noDirectory: boolean;
  /** What the shell said besides. */
  readonly messages: string;
  /** CPU time of all commands of this launcher so far, ms; `null` after a short script. */
  readonly totalCpuMs: number | null;
}

export interface LauncherEvents {
  started(pid: number): void;
  ended(end: LaunchEnd): void;
  /** A short script found that it was not wanted any more. */
  declined(): void;
  /** The shell is gone; nothing more will come. */
  died(how: string): void;
}

export class Launcher {
  readonly tag = randomBytes(4).toString('hex');
  readonly environment: LauncherEnvironment;
  readonly #child: ChildProcess;
  readonly #events: LauncherEvents;
  #partial = '';
  #messages = '';
  #noDirectory = false;
  /** The last line of times(1): the second of two is that of the children. */
  #times = '';
  #alive = true;
  #plain = true;

  constructor(environment: LauncherEnvironment, events: LauncherEvents, sh = '/bin/sh') {
    this.environment = environment;
    this.#events = events;
    // A session of its own: keys pressed in the terminal of a foreground manager are not meant for commands.
    this.#child = spawn(sh, [], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment.spawn,
      cwd: '/',
      detached: true,
    });
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => this.#read(text));
    this.#child.stdin?.on('error', () => undefined); // Its end is told by the process's own.
    this.#child.on('error', (error) => this.#die(error.message));
    this.#child.on('close', (code, signal) => this.#die(signal === null ? `exit code ${code}` : `${signal}`));
    this.send(`exec 2>&1\n${environment.exports}case $BASH_VERSION in ?*)echo "${this.tag} b";;esac\n`);
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Whether short scripts work: bash, standing in for sh, tells deaths by signals in other words. */
  get plain(): boolean {
    return this.#plain;
  }

  send(script: ByteString): void {
    this.#child.stdin?.write(script, 'latin1');
  }

  /** Lets it end after what it was given. */
  close(): void {
    this.#child.stdin?.end();
  }

  #die(how: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#events.died(how);
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line.startsWith(this.tag)) {
      this.#notice(line.charCodeAt(9), line.slice(11));
    } else if (TIMES.test(line)) {
      this.#times = line;
    } else {
      this.#messages = (this.#messages + line).slice(0, 4_096);
    }
  }

  #notice(kind: number, rest: string): void {
    switch (kind) {
      case 115: // s
        this.#events.started(Number(rest.slice(rest.lastIndexOf('/') + 1)));
        break;
      case 101: // e
        this.#ended(Number(rest));
        break;
      case 120: // x
        this.#noDirectory = true;
        break;
      case 114: // r
        this.#messages = '';
        this.#events.declined();
        break;
      case 98: // b
        this.#plain = false;
        break;
      default:
        this.#messages += rest;
    }
  }

  #ended(status: number): void {
    const end: LaunchEnd = {
      status,
      signalled: status > 128 && this.#messages !== '',
      noDirectory: this.#noDirectory,
      messages: this.#messages,
      totalCpuMs: this.#times === '' ? null : cpuMsOf(this.#times),
    };
    this.#messages = '';
    this.#noDirectory = false;
    this.#times = '';
    this.#events.ended(end);
  }
}

const TIMES = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/;

function cpuMsOf(times: string): number {
  const [, userMin, userS, systemMin, systemS] = TIMES.exec(times) ?? [];
  return Math.round(
    (Number(userMin) + Number(systemMin)) * 60_000 + (Number(userS) + Number(systemS)) * 1_000,
  );
}

/** @throws {WrError} BAD_LAUNCH when the shell for commands is not to be found */
export function resolveProgram(name: string, path: string, isExecutable: (path: string) => boolean): string {
  const candidates = name.includes('/')
    ? [name]
    : path.split(':').map((directory) => `${directory || '.'}/${name}`);
  const found = candidates.find((candidate) => isExecutable(candidate));
  if (found === undefined) throw new WrError('BAD_LAUNCH', `the shell "${name}" cannot be found or executed`);
  return found;
}
