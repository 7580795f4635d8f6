/** What a runner is told when it starts, what it lives in, and what it says at its end. */
import type { ManagerLink } from '../manager-link.ts';
import type { Environment, NestedUse } from './environment.ts';
import type { ExecutorEvents, ExecutorPort } from './executor-port.ts';

export interface RunnerOptions {
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  readonly pid: number;
  /** When its process began, in clock ticks since boot; 0: the system does not tell. */
  readonly birth: number;
  /** `null`: it serves what it is allotted. */
  readonly group: string | null;
  /** With a group: how many jobs at once. */
  readonly slots: number;
  readonly reserveTimeoutMs: number;
  /** Stops taking jobs then; Unix ms. */
  readonly endMs: number;
  readonly nested: NestedUse;
  readonly ownEnvironment: Environment;
}

export interface RunnerWorld {
  /** A new connection with the token as it is now. @throws {WrError} */
  connect(): Promise<ManagerLink>;
  executor(events: ExecutorEvents): ExecutorPort;
  now(): number;
  random(): number;
  /** @returns what cancels it */
  after(ms: number, call: () => void): () => void;
  log(text: string): void;
}

export interface RunnerEnd {
  readonly commands: number;
  readonly because: string;
}
