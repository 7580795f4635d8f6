/**
 * A slot: runs one command at a time through its launcher, with more waiting in the launcher's pipe when commands are
 * known to be short.
 *
 * What waits there can be taken back: each short script asks whether its slot's file still exists. The file is removed
 * first; if the notices written by then do not hold the end of the command in front, then those behind it have not been
 * looked at, and will find the file missing.
 */
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { fromByteString, shellQuote, toByteString } from './bytes.ts';
import { type Environment, launcherEnvironment } from './environment.ts';
import type { Execution } from './execution.ts';
import { STUCK_MS } from './lane.ts';
import { Launcher } from './launcher.ts';
import type { LaunchEnd, Notice } from './notices.ts';
import { BELL, type CommandLine, fullScript, groupInput, shortScript } from './script.ts';

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
  readonly #path: string;
  readonly #wanted: { readonly wantedPath: string; readonly runnerPid: number };
  #launcher: Launcher | null = null;
  #envId: string | null = null;
  /** Total of the launcher's commands so far. */
  #cpuMs = 0;
  /** What the launcher was given and has not ended, first one first. */
  #line: Execution[] = [];
  /** Scripts that go out together, when this turn is over. */
  #outbox = '';
  /** Short scripts since the last bell. */
  #silent = 0;
  /** No new ones are sent behind others until those taken back have been passed over. */
  #recalling = false;

  /** @param path - of files of its own: as it is, and with suffixes */
  constructor(options: {
    readonly events: SlotEvents;
    readonly shell: string;
    readonly path: string;
    readonly runnerPid: number;
  }) {
    this.#events = options.events;
    this.#shell = toByteString(options.shell);
    this.#path = options.path;
    this.#wanted = { wantedPath: shellQuote(toByteString(options.path)), runnerPid: options.runnerPid };
    touch(this.#path);
  }

  /** Where newgrp reads the command from. */
  get #inputPath(): string {
    return `${this.#path}.in`;
  }

  get launcherPid(): number {
    return this.#launcher?.pid ?? 0;
  }

  /** What runs, or is about to. */
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
      !this.#recalling &&
      this.busyMs() < STUCK_MS &&
      this.#envId === envId &&
      this.#launcher?.alive === true &&
      this.#launcher.plain &&
      // One whose process was looked up took long, and what waited behind it has been taken back: nothing new goes there.
      this.#line.every(({ short, pid }) => short && pid === 0)
    );
  }

  busyMs(): number {
    const startedMs = this.#line[0]?.startedMs ?? 0;
    return startedMs === 0 ? 0 : this.#events.now() - startedMs;
  }

  /** Makes a launcher with the environment of the next command; nothing may be running. */
  enter(envId: string, environment: Environment): void {
    if (this.#envId === envId && this.#launcher?.alive === true) return;
    this.#launcher?.close();
    this.#envId = envId;
    this.#cpuMs = 0;
    const launcher: Launcher = new Launcher(launcherEnvironment(environment), `${this.#path}.notices`, {
      rang: () => {
        if (launcher === this.#launcher) this.listen();
      },
      died: () => {
        if (launcher === this.#launcher) this.#died(launcher);
      },
    });
    this.#launcher = launcher;
  }

  /** @param bellEvery - of short ones, so many share a bell */
  send(execution: Execution, bellEvery: number): void {
    const launcher = this.#launcher;
    if (launcher === null) throw new Error('a slot was used before it was entered');
    const line = this.#commandLine(execution, launcher);
    if (line.unixGroup !== '') {
      writeFileSync(this.#inputPath, fromByteString(groupInput(line)), { mode: 0o600 });
    }
    this.#line.push(execution);
    if (this.#line.length === 1) execution.startedMs = this.#events.now();
    if (this.#outbox === '') queueMicrotask(() => this.#post());
    if (!execution.short) {
      this.#outbox += fullScript(launcher.tag, line, this.#wanted.runnerPid);
      return;
    }
    this.#outbox += shortScript(launcher.tag, line, this.#wanted);
    this.#silent += 1;
    if (this.#silent >= bellEvery) this.#bell();
  }

  #bell(): void {
    this.#outbox += BELL;
    this.#silent = 0;
  }

  #post(): void {
    if (this.#silent > 0) this.#bell();
    this.#launcher?.send(this.#outbox);
    this.#outbox = '';
  }

  #commandLine(execution: Execution, { environment }: Launcher): CommandLine {
    const { text, plain, dir, assignments, output, job } = execution;
    return {
      shell: this.#shell,
      text,
      plain: environment.byEnv === '' ? plain : null,
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

  /** Hears what there is to hear, rung or not. */
  listen(): void {
    const launcher = this.#launcher;
    if (launcher === null) return;
    const notices = launcher.read();
    if (notices.length === 0) return;
    const ends = notices.filter(({ kind }) => kind === 'ended').length;
    const nowMs = this.#events.now();
    // Of several at once nobody knows when each ended: they share the time evenly.
    const fromMs = ends > 1 ? Math.min(nowMs, this.#line[0]?.startedMs || nowMs) : nowMs;
    let ended = 0;
    for (const notice of notices) {
      if (notice.kind === 'ended') ended += 1;
      this.#hear(notice, fromMs + ((nowMs - fromMs) * ended) / Math.max(1, ends));
    }
    if (this.#line.length === 0) launcher.rest();
  }

  #hear(notice: Notice, atMs: number): void {
    const head = this.#line[0];
    if (head === undefined) return;
    if (notice.kind === 'started') {
      head.pid = notice.pid;
      this.#events.started(head);
      return;
    }
    if (notice.kind === 'bash') return;
    this.#line.shift();
    const next = this.#line[0];
    if (next === undefined) this.#restoreWanted();
    if (notice.kind === 'declined') {
      if (!head.recalled) this.#events.returned(head);
      return;
    }
    if (next !== undefined && !next.recalled) next.startedMs = Math.round(atMs);
    head.endedMs = Math.round(atMs);
    this.#noteCpu(head, notice.end);
    this.#events.ended(head, notice.end);
  }

  #noteCpu(execution: Execution, { totalCpuMs }: LaunchEnd): void {
    if (totalCpuMs === null) return;
    // What nobody waited for was seen, and is not in the total.
    execution.cpuMs = Math.max(execution.cpuMs, totalCpuMs - this.#cpuMs);
    this.#cpuMs = totalCpuMs;
  }

  #died(launcher: Launcher): void {
    this.listen(); // Its last words.
    this.#launcher = null;
    this.#envId = null;
    const [head, ...behind] = this.#line;
    this.#line = [];
    this.#restoreWanted();
    launcher.close();
    if (head !== undefined && launcher.pid === 0) head.startedMs = 0;
    if (head !== undefined && !head.recalled) {
      head.endedMs = this.#events.now();
      this.#events.ended(head, null);
    }
    for (const execution of behind) if (!execution.recalled) this.#events.returned(execution);
  }

  /** Takes back what waits behind the command that runs, which turned out not to be short. */
  recall(): void {
    const head = this.#line[0];
    if (this.#recalling || this.#line.length < 2 || head === undefined || this.#outbox !== '') return;
    this.#recalling = true;
    unlinkSync(this.#path);
    this.listen();
    if (this.#line[0] !== head) return; // What was behind may have begun; it is declined, or ends, by itself.
    for (const execution of this.#line.slice(1)) {
      execution.recalled = true;
      this.#events.returned(execution);
    }
  }

  #restoreWanted(): void {
    if (!this.#recalling) return;
    touch(this.#path);
    this.#recalling = false;
  }

  /** Nothing that comes after this is heard. */
  close(): void {
    const launcher = this.#launcher;
    this.#launcher = null;
    launcher?.close();
  }
}

function touch(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}
