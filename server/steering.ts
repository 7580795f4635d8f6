/**
 * Pause, resume and drain (manager.md §8): nothing more is started, what runs goes on.
 *
 * ```
 *              pause                    drain
 *  started ───────────────► paused ───────────────► draining ──► (nothing runs) stop
 *     ▲  └───────────────────┼───── drain ────────────▲
 *     └────── resume ────────┘
 * ```
 *
 * A pause outlives the manager, a drain does not: it ends with the manager's stop.
 */
import type { Attempt } from '../core/attempts.ts';
import { WrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { SteeredReply, SteerRequest } from '../core/protocol-control.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { counterWrite, readCounter } from '../store/layout.ts';
import type { Allotment } from './allotment.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import type { RunnerDesk } from './runner-desk.ts';

/** Between two looks whether a drain has come to its end. */
const DRAIN_POLL_MS = 1_000;

export type SteeringMode = 'started' | 'paused' | 'draining';

export interface SteeringOptions {
  readonly queue: JobQueue;
  readonly store: KeyValueReader;
  readonly persist: Persist;
  readonly desk: RunnerDesk;
  readonly allotment: Allotment;
  readonly clock: Clock;
  readonly log: Log;
  readonly pid: () => number;
  /** Jobs may be handed out again. */
  readonly onReady: () => void;
  /** A drain has come to its end. */
  readonly onDrained: () => void;
}

export class Steering {
  readonly #options: SteeringOptions;
  #mode: SteeringMode = 'started';
  #drained = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: SteeringOptions) {
    this.#options = options;
  }

  get mode(): SteeringMode {
    return this.#mode;
  }

  /** A drain has come to its end: what runs yet is only what contact was lost with. */
  get isDrained(): boolean {
    return this.#drained;
  }

  /** Takes up a pause of an earlier life. */
  restore(): void {
    const { store, log } = this.#options;
    if (readCounter(store, 'paused', 0) === 0) return;
    this.#enter('paused');
    log.warn('the manager was paused before and still is: wr manager resume lets commands start');
  }

  /** @throws {WrError} DRAINING: a drain cannot be undone; STORE_FULL: nothing was resumed; NOT_DURABLE: paused */
  async answer(peer: Peer, { id, to }: SteerRequest): Promise<void> {
    if (to !== 'drain' && this.#mode === 'draining')
      throw new WrError('DRAINING', `the manager is draining: it cannot ${to}`);
    this.#options.log.info(`asked to ${to}`, { mode: this.#mode });
    if (to === 'pause') await this.#pause();
    else if (to === 'resume') await this.#resume();
    else if (this.#mode !== 'draining') this.#enter('draining');
    peer.post({ type: 'steered', id, pid: this.#options.pid(), ...this.#figures() });
    if (this.#mode === 'draining') this.#options.clock.after(0, () => this.#look());
  }

  /** Called often. */
  tick(): void {
    if (this.#mode !== 'draining') return;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#lookedMs < DRAIN_POLL_MS) return;
    this.#lookedMs = nowMs;
    this.#look();
  }

  async #pause(): Promise<void> {
    if (this.#mode === 'started') this.#enter('paused');
    const { persist } = this.#options;
    persist.add(counterWrite('paused', 1));
    await persist.written();
  }

  /** Not before it is on disk: what would be started might be held back again after a crash, which surprises nobody. */
  async #resume(): Promise<void> {
    const { persist } = this.#options;
    persist.refuseIfFailing();
    persist.add(counterWrite('paused', 0));
    const failed = await persist.flushedOrFailing();
    if (failed !== undefined) {
      persist.add(counterWrite('paused', 1));
      throw failed;
    }
    if (this.#mode !== 'paused') return;
    this.#mode = 'started';
    this.#options.desk.open();
    this.#options.allotment.pause(false);
    this.#options.onReady();
  }

  #enter(mode: 'paused' | 'draining'): void {
    this.#mode = mode;
    this.#options.desk.close();
    this.#options.allotment.pause(true);
  }

  #look(): void {
    if (this.#drained || this.#figures().running > 0) return;
    this.#drained = true;
    this.#options.onDrained();
  }

  #figures(): Pick<SteeredReply, 'running' | 'lost' | 'expectedMs'> {
    const { queue, clock } = this.#options;
    const nowMs = clock.nowMs();
    let running = 0;
    let lost = 0;
    let lastMs = nowMs;
    for (const attempt of queue.attempts.all()) {
      if (attempt.lostMs > 0) lost += 1;
      else {
        running += 1;
        lastMs = Math.max(lastMs, this.#expectedEndMs(attempt));
      }
    }
    return { running, lost, expectedMs: lastMs - nowMs };
  }

  #expectedEndMs({ number, startedMs, reservedMs }: Attempt): number {
    return (startedMs || reservedMs) + this.#options.queue.templateOf(number).options.timeMs;
  }
}
