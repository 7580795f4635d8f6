/**
 * A slot: runs one command at a time through its launcher, with the next one waiting in the launcher's pipe when
 * commands are known to be short.
 *
 * What waits there can be taken back: the script asks whether its slot's file still exists. The file is removed first;
 * if after that, having read all there was to read, the command in front has still not ended, then the one behind it has
 * not been looked at, and will find the file missing.
 */
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fromByteString, shellQuote, toByteString } from './bytes.ts';
import { type Environment, type LauncherEnvironment, launcherEnvironment } from './environment.ts';
import type { Execution } from './execution.ts';
import { type LaunchEnd, Launcher } from './launcher.ts';
import { type CommandLine, fullScript, shortScript } from './script.ts';

export interface SlotEvents {
  /** The process id is known. */
  started(execution: Execution): void;
  /** The command has ended; `null`: its launcher died, nobody knows how. */
  ended(execution: Execution, end: LaunchEnd | null): void;
  /** Not started, and never will be. */
  returned(execution: Execution): void;
  now(): number;
}

export class Slot {
  readonly #events: SlotEvents;
  readonly #shell: string;
  readonly #wantedPath: string;
  readonly #wanted: { readonly wantedPath: string; readonly runnerPid: number };
  #launcher: Launcher | null = null;
  #envId: string | null = null;
  /** Total of the launcher's commands so far. */
  #cpuMs = 0;
  /** What the launcher was given and has not ended, first one first. */
  #line: Execution[] = [];
  /** No new ones are sent behind others until those taken back have been passed over. */
  #recalling = false;

  /** @param wantedPath - a file of this slot's own */
  constructor(options: {
    readonly events: SlotEvents;
    readonly shell: string;
    readonly wantedPath: string;
    readonly runnerPid: number;
  }) {
    this.#events = options.events;
    this.#shell = toByteString(options.shell);
    this.#wantedPath = options.wantedPath;
    this.#wanted = { wantedPath: shellQuote(toByteString(options.wantedPath)), runnerPid: options.runnerPid };
    closeSync(openSync(this.#wantedPath, 'a', 0o600));
  }

  /** Where newgrp reads the command from. */
  get #inputPath(): string {
    return `${this.#wantedPath}.in`;
  }

  get launcherPid(): number {
    return this.#launcher?.pid ?? 0;
  }

  get head(): Execution | undefined {
    return this.#line[0];
  }

  get length(): number {
    return this.#line.length;
  }

  /** Environment of its launcher. */
  get envId(): string | null {
    return this.#envId;
  }

  /** Whether a short command may be sent behind what runs. */
  takesAhead(envId: string): boolean {
    return (
      !this.#recalling && this.#envId === envId && this.#launcher?.alive === true && this.#launcher.plain
    );
  }

  /** Makes a launcher with the environment of the next command; nothing may be running. */
  enter(envId: string, environment: Environment): void {
    if (this.#envId === envId && this.#launcher?.alive === true) return;
    this.#launcher?.close();
    this.#envId = envId;
    this.#cpuMs = 0;
    this.#launcher = this.#launch(launcherEnvironment(environment));
  }

  #launch(environment: LauncherEnvironment): Launcher {
    const launcher = new Launcher(environment, {
      started: (pid) => this.#started(launcher, pid),
      ended: (end) => this.#ended(launcher, end),
      declined: () => this.#declined(launcher),
      died: () => this.#died(launcher),
    });
    return launcher;
  }

  send(execution: Execution): void {
    const launcher = this.#launcher;
    if (launcher === null) throw new Error('a slot was used before it was entered');
    const line = this.#commandLine(execution, launcher);
    if (line.unixGroup !== '')
      writeFileSync(this.#inputPath, fromByteString(`${execution.text}\n`), { mode: 0o600 });
    this.#line.push(execution);
    if (this.#line.length === 1) execution.startedMs = this.#events.now();
    launcher.send(
      execution.short ? shortScript(launcher.tag, line, this.#wanted) : fullScript(launcher.tag, line),
    );
  }

  #commandLine({ text, dir, assignments, output, job }: Execution, { environment }: Launcher): CommandLine {
    return {
      shell: this.#shell,
      text,
      unixGroup: toByteString(job.options.unixGroup),
      inputPath: shellQuote(toByteString(this.#inputPath)),
      dir: toByteString(dir),
      assignments: assignments.plain,
      byEnv: `${environment.byEnv}${assignments.byEnv}`,
      oldPwd: environment.oldPwd,
      outPath: output.outPath,
      errPath: output.errPath,
    };
  }

  #started(launcher: Launcher, pid: number): void {
    const head = this.#line[0];
    if (launcher !== this.#launcher || head === undefined) return;
    head.pid = pid;
    this.#events.started(head);
  }

  #ended(launcher: Launcher, end: LaunchEnd): void {
    if (launcher !== this.#launcher) return;
    const execution = this.#line.shift();
    if (execution === undefined) return;
    if (end.totalCpuMs !== null) {
      execution.cpuMs = Math.max(0, end.totalCpuMs - this.#cpuMs);
      this.#cpuMs = end.totalCpuMs;
    }
    const next = this.#line[0];
    if (next === undefined) this.#restoreWanted();
    else if (!next.recalled) next.startedMs = this.#events.now();
    this.#events.ended(execution, end);
  }

  #declined(launcher: Launcher): void {
    if (launcher !== this.#launcher) return;
    const execution = this.#line.shift();
    if (execution !== undefined && !execution.recalled) this.#events.returned(execution);
    if (this.#line.length === 0) this.#restoreWanted();
  }

  #died(launcher: Launcher): void {
    if (launcher !== this.#launcher) return;
    this.#launcher = null;
    this.#envId = null;
    const neverWas = launcher.pid === 0;
    const [head, ...behind] = this.#line;
    this.#line = [];
    this.#restoreWanted();
    if (head !== undefined && neverWas) head.startedMs = 0;
    if (head !== undefined && !head.recalled) this.#events.ended(head, null);
    for (const execution of behind) if (!execution.recalled) this.#events.returned(execution);
  }

  /** Takes back what waits behind the command that runs, which turned out not to be short. */
  async recall(): Promise<void> {
    const head = this.#line[0];
    if (this.#recalling || this.#line.length < 2 || head === undefined) return;
    this.#recalling = true;
    unlinkSync(this.#wantedPath);
    // Twice: the first may still belong to a round in which the pipe had been looked at already.
    await setImmediate();
    await setImmediate();
    if (this.#line[0] !== head) return; // What was behind may have begun; it is declined, or ends, by itself.
    for (const execution of this.#line.slice(1)) {
      execution.recalled = true;
      this.#events.returned(execution);
    }
  }

  #restoreWanted(): void {
    if (!this.#recalling) return;
    closeSync(openSync(this.#wantedPath, 'a', 0o600));
    this.#recalling = false;
  }

  /** Nothing that comes after this is heard. */
  close(): void {
    this.#launcher?.close();
    this.#launcher = null;
  }
}
