/** Processes as the manager sees them: of its own host by looking, of others by asking there. */

import type { FindMarked } from './marked.ts';

/** Runs a command in a shell of another host. Rejects when that cannot be done, or takes too long. */
export type RunOnHost = (host: string, command: string) => Promise<string>;

export interface Processes {
  readonly ownHost: string;
  /** When a process of this host began; 0: not known. */
  birthOf(pid: number): number;
  /** Kills a process of this host if it is a runner. */
  killRunner(pid: number): boolean;
  /** What is there of attempts on this host. */
  readonly findMarked: FindMarked;
  readonly runOnHost: RunOnHost;
}
