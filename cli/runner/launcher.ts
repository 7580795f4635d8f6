/**
 * A launcher: a plain `sh` that is spawned once and then forks the commands of one slot. Node's own spawn costs a
 * millisecond from a small process and seven from a large one; a small shell forks in a tenth of one.
 *
 * ```
 *           scripts ──► stdin   sh   stderr ──► file of notices ──► read when the bell rings,
 *  runner                       │                                   or when someone asks
 *           bell    ◄── stdout ─┘
 * ```
 *
 * Waking the runner costs more than writing a line, so a run of short commands rings once for several.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { WrError } from '../../core/errors.ts';
import type { ByteString } from './bytes.ts';
import type { LauncherEnvironment } from './environment.ts';
import { type Notice, NoticeFile } from './notices.ts';

export interface LauncherEvents {
  /** There are notices to read. */
  rang(): void;
  /** The shell is gone; nothing more will come. */
  died(): void;
}

export class Launcher {
  readonly tag = randomBytes(4).toString('hex');
  readonly environment: LauncherEnvironment;
  readonly #child: ChildProcess;
  readonly #notices: NoticeFile;
  #alive = true;
  #plain = true;

  /** @param noticePath - a file of its own */
  constructor(environment: LauncherEnvironment, noticePath: string, events: LauncherEvents, sh = '/bin/sh') {
    this.environment = environment;
    this.#notices = new NoticeFile(noticePath, this.tag);
    // A session of its own: keys pressed in the terminal of a foreground manager are not meant for commands.
    this.#child = spawn(sh, [], {
      stdio: ['pipe', 'pipe', this.#notices.fd],
      env: environment.spawn,
      cwd: '/',
      detached: true,
    });
    const die = (): void => {
      if (!this.#alive) return;
      this.#alive = false;
      events.died();
    };
    this.#child.stdout?.on('data', () => events.rang());
    this.#child.stdin?.on('error', () => undefined); // Its end is told by the process's own.
    this.#child.on('error', die);
    this.#child.on('close', die);
    // `kill 0` in a command reaches its launcher too; a handler, unlike ignoring, is not handed down to commands.
    this.send(
      `trap : HUP INT QUIT TERM USR1 USR2\n${environment.exports}case $BASH_VERSION in ?*)echo "${this.tag} b">&2;;esac\n`,
    );
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

  /** What it has said since. */
  read(): readonly Notice[] {
    const notices = this.#notices.read();
    if (notices[0]?.kind !== 'bash') return notices;
    this.#plain = false;
    return notices.slice(1);
  }

  /** It has nothing to do now. */
  rest(): void {
    this.#notices.shorten();
  }

  /** Lets it end after what it was given. Nothing is read any more. */
  close(): void {
    this.#child.stdin?.end();
    this.#notices.close();
  }
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
