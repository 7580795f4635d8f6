/** What the runner's logic needs of whatever runs the jobs; `executor.ts` is the real one. */
import type { EndedEvent, TouchedAttempt } from '../../core/runner-messages.ts';
import type { Environment } from './environment.ts';
import type { Job, KillReason } from './execution.ts';

export interface SlotPort {
  /** Whose environment its launcher has; `null`: none yet. */
  readonly envId: string | null;
  /** Whether a short command may be sent behind the one that runs. */
  takesAhead(envId: string): boolean;
  /** For how long what runs in it has been running; 0: nothing does. */
  busyMs(): number;
}

export interface ExecutorPort {
  addSlot(): SlotPort;
  /**
   * @param bellEvery - jobs like it are known to be short, and so many may share a notice; 0: they are not
   * @returns whether the slot is taken; if not, the job's end has been told
   */
  run(slot: SlotPort, job: Job, environment: Environment, bellEvery: number): boolean;
  /** What is known of an attempt so far; `null`: not held. */
  usage(attempt: number): TouchedAttempt | null;
  kill(attempt: number, reason: KillReason): void;
  close(): void;
}

export interface ExecutorEvents {
  /** The process id is known, and the command still runs. */
  started(job: Job, pid: number, startedMs: number, cwd: string): void;
  /** `slot`: where it ran; `null`: it never came so far. */
  ended(job: Job, event: EndedEvent, slot: SlotPort | null): void;
  /** Given back unstarted. */
  returned(job: Job, slot: SlotPort): void;
}
