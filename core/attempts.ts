/** Attempts that are open: handed to a runner and not over. Their number follows the runners', never the queue's. */
import type { Figures } from './figures.ts';
import type { ResourceIds } from './resource-names.ts';
import type { Usage } from './runner-messages.ts';

export interface Attempt extends Usage {
  /** Never used again. */
  readonly token: number;
  readonly number: number;
  /** The scheduler group it was reserved in: what it was given is out of that one's share. */
  readonly group: number;
  /** What it was given. */
  readonly given: Figures;
  /** Units of counted resources that are its own; `null`: none. */
  readonly resources: ResourceIds | null;
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  /** Process id of the runner on its host. */
  readonly runnerPid: number;
  readonly reservedMs: number;
  pid: number;
  /** 0: not started. */
  startedMs: number;
  /** Where its command runs; '' unknown. */
  cwd: string;
  /** Last sign of life, by the manager's monotonic clock: not stored, and begins anew with each start of the manager. */
  contactMs: number;
  /** When contact was declared lost, Unix ms; 0: it was not. */
  lostMs: number;
  killed: boolean;
  /** Since it was reserved, a group that its job waits for gained a member: after a success it runs again. */
  outdated: boolean;
  /** When the runner's and the command's process began, as their host counts it; 0: not known. A pid alone may be reused. */
  runnerBirth: number;
  birth: number;
  peakRamMb: number;
  peakDiskMb: number;
  cpuMs: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

export class Attempts {
  readonly #byToken = new Map<number, Attempt>();
  readonly #byNumber = new Map<number, Attempt>();
  readonly #byRunner = new Map<string, Set<Attempt>>();

  get size(): number {
    return this.#byToken.size;
  }

  add(attempt: Attempt): void {
    this.#byToken.set(attempt.token, attempt);
    this.#byNumber.set(attempt.number, attempt);
    const held = this.#byRunner.get(attempt.runnerId);
    if (held === undefined) this.#byRunner.set(attempt.runnerId, new Set([attempt]));
    else held.add(attempt);
  }

  remove(attempt: Attempt): void {
    this.#byToken.delete(attempt.token);
    this.#byNumber.delete(attempt.number);
    const held = this.#byRunner.get(attempt.runnerId);
    held?.delete(attempt);
    if (held?.size === 0) this.#byRunner.delete(attempt.runnerId);
  }

  /** Whether it is still open. */
  has(attempt: Attempt): boolean {
    return this.#byToken.get(attempt.token) === attempt;
  }

  byToken(token: number): Attempt | undefined {
    return this.#byToken.get(token);
  }

  byNumber(number: number): Attempt | undefined {
    return this.#byNumber.get(number);
  }

  byRunner(runnerId: string): ReadonlySet<Attempt> {
    return this.#byRunner.get(runnerId) ?? NONE;
  }

  all(): IterableIterator<Attempt> {
    return this.#byToken.values();
  }
}

const NONE: ReadonlySet<Attempt> = new Set();
