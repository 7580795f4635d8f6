/** A manager without a socket: hands out jobs from lists, keeps what it is told, and can go away. */

import type { Ask, ManagerLink } from '../../../cli/manager-link.ts';
import { WrError } from '../../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../../core/job-options.ts';
import type { Reply } from '../../../core/protocol.ts';
import type {
  EndedEvent,
  JobOrder,
  ReserveRequest,
  RunnerEvent,
  RunnerHello,
  TouchRequest,
} from '../../../core/runner-messages.ts';

export interface ScriptedJob {
  readonly cmd: string | Uint8Array;
  readonly options?: Partial<JobOptions>;
  readonly key?: string;
  readonly attemptsLeft?: number;
  readonly memoryMb?: number;
  readonly timeMs?: number;
}

/** What a machine that is much busier than usual may take. */
const PATIENCE_MS = 120_000;

type Answer = Reply extends infer R ? (R extends { readonly id: number } ? Omit<R, 'id'> : never) : never;

export class ScriptedManager {
  readonly base: Partial<JobOptions>;
  readonly events: RunnerEvent[] = [];
  readonly hellos: Omit<RunnerHello, 'id'>[] = [];
  readonly reserves: Omit<ReserveRequest, 'id'>[] = [];
  readonly touches: Omit<TouchRequest, 'id'>[] = [];
  /** Frames that held at least one report or reserve. */
  frames = 0;
  readonly environments = new Map<string, Uint8Array>();
  /** Answered to the next touch. */
  killAtTouch: number[] = [];
  superseded: number[] = [];
  /** Instead of taking a report. */
  refuseReports: WrError | null = null;
  /** Reports are not answered. */
  silent = false;
  readonly #queues = new Map<string, JobOrder[]>();
  readonly #waiting: {
    readonly group: string;
    readonly count: number;
    readonly resolve: (answer: Answer) => void;
  }[] = [];
  readonly #templates = new Map<number, JobOptions>();
  #links: ScriptedLink[] = [];
  #nextAttempt = 1;
  #watchers: (() => void)[] = [];

  constructor(base: Partial<JobOptions> = {}) {
    this.base = base;
  }

  add(group: string, jobs: readonly ScriptedJob[]): number[] {
    const queue = this.#queues.get(group) ?? [];
    this.#queues.set(group, queue);
    const attempts: number[] = [];
    let plain = -1;
    for (const { cmd, options, key, attemptsLeft = 3, memoryMb = 1_000, timeMs = 3_600_000 } of jobs) {
      let template = plain;
      if (options !== undefined || plain < 0) {
        template = this.#templates.size + 1;
        this.#templates.set(template, { ...DEFAULT_JOB_OPTIONS, ...this.base, ...options });
        if (options === undefined) plain = template;
      }
      const attempt = this.#nextAttempt;
      this.#nextAttempt += 1;
      attempts.push(attempt);
      queue.push({
        attempt,
        key: key ?? keyOf(attempt),
        cmd: typeof cmd === 'string' ? Buffer.from(cmd) : cmd,
        template,
        delta: null,
        attemptsLeft,
        memoryMb,
        timeMs,
      });
    }
    for (const waiter of this.#waiting.splice(0)) this.#serve(waiter);
    return attempts;
  }

  connect(): ManagerLink {
    const link = new ScriptedLink(this);
    this.#links.push(link);
    return link;
  }

  push(message: Reply): void {
    for (const link of this.#links) if (link.open) link.onPush?.(message);
  }

  allot(slots: Readonly<Record<string, number>>): void {
    this.push({
      type: 'allot',
      slots: Object.entries(slots).map(([group, count]) => ({ group, slots: count })),
    });
  }

  /** Allots slots, and sends as many jobs without being asked for them: after `between`. */
  async allotWithJobs(group: string, count: number, between: () => Promise<void>): Promise<void> {
    this.push({ type: 'allot', slots: [{ group, slots: count, coming: count }] });
    await between();
    this.#serve({ group, count, resolve: (answer) => this.push({ ...answer, id: 0 } as Reply) });
  }

  /** Every connection ends. */
  vanish(): void {
    for (const link of this.#links.splice(0)) link.drop();
  }

  ended(attempt: number): EndedEvent | undefined {
    return this.events.find(
      (event): event is EndedEvent => event.event === 'ended' && event.attempt === attempt,
    );
  }

  /** Resolves when something holds that only changes with what the runner says. */
  async until(condition: () => boolean): Promise<void> {
    const heard = async (): Promise<void> => {
      while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`not within ${PATIENCE_MS / 1_000} s: ${condition}`));
      timer = setTimeout(fail, PATIENCE_MS);
    });
    try {
      await Promise.race([heard(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async untilEnded(attempt: number): Promise<EndedEvent> {
    await this.until(() => this.ended(attempt) !== undefined);
    return this.ended(attempt) as EndedEvent;
  }

  noteFrame(): void {
    this.frames += 1;
  }

  async answer(ask: Ask): Promise<Answer> {
    try {
      return await this.#answer(ask);
    } finally {
      for (const wake of this.#watchers.splice(0)) wake();
    }
  }

  #answer(ask: Ask): Answer | Promise<Answer> {
    switch (ask.type) {
      case 'hello':
        this.hellos.push(ask);
        return { type: 'welcome', ttrMs: 60_000, touchMs: 15_000, superseded: this.superseded.splice(0) };
      case 'reserve':
        this.reserves.push(ask);
        return new Promise((resolve) => this.#serve({ group: ask.group, count: ask.count, resolve }));
      case 'report':
        if (this.silent) return new Promise(() => undefined);
        if (this.refuseReports !== null) throw this.refuseReports;
        this.events.push(...ask.events);
        return { type: 'reported', superseded: this.superseded.splice(0) };
      case 'touch':
        this.touches.push(ask);
        return { type: 'touched', kill: this.killAtTouch.splice(0) };
      case 'env':
        return { type: 'env', envId: ask.envId, env: this.environments.get(ask.envId) ?? null };
      default:
        throw new WrError('BAD_PROTOCOL', `a runner does not ask for ${ask.type}`);
    }
  }

  #serve(waiter: {
    readonly group: string;
    readonly count: number;
    readonly resolve: (answer: Answer) => void;
  }): void {
    const jobs = this.#queues.get(waiter.group)?.splice(0, waiter.count) ?? [];
    if (jobs.length === 0) {
      this.#waiting.push(waiter);
      return;
    }
    const templates = [...new Set(jobs.map(({ template }) => template))].map((template) => ({
      template,
      options: this.#templates.get(template) as JobOptions,
    }));
    waiter.resolve({ type: 'jobs', group: waiter.group, templates, jobs, leave: false });
  }

  /** Reservations that wait are answered with nothing. */
  endWaits(): void {
    for (const { group, resolve } of this.#waiting.splice(0))
      resolve({ type: 'jobs', group, templates: [], jobs: [], leave: false });
  }

  get waits(): number {
    return this.#waiting.length;
  }
}

class ScriptedLink implements ManagerLink {
  readonly #manager: ScriptedManager;
  open = true;
  readonly bufferedBytes = 0;
  onPush: ((message: Reply) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  #failures: ((error: WrError) => void)[] = [];

  constructor(manager: ScriptedManager) {
    this.#manager = manager;
  }

  ask(request: Ask): Promise<Reply> {
    return this.askAll([request])[0] as Promise<Reply>;
  }

  askAll(requests: readonly Ask[]): readonly Promise<Reply>[] {
    this.#manager.noteFrame();
    return requests.map(async (request) => {
      const gone = new Promise<never>((_, reject) => this.#failures.push(reject));
      gone.catch(() => undefined);
      const answer = this.open ? this.#manager.answer(request) : gone;
      return { id: 1, ...(await Promise.race([answer, gone])) } as Reply;
    });
  }

  tell(): void {
    throw new Error('a runner has nothing to tell without an answer');
  }

  drop(): void {
    if (!this.open) return;
    this.open = false;
    for (const fail of this.#failures.splice(0)) fail(new WrError('DISCONNECTED', 'the manager went away'));
    this.onClose?.('gone');
  }

  close(): void {
    this.drop();
  }
}

/** 32 hexadecimal digits that differ from the start. */
export function keyOf(number: number): string {
  return Buffer.from(String(number).padStart(16, '0')).reverse().toString('hex');
}
