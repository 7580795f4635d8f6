/**
 * The manager's life: it takes up what the database holds, answers, and stops or halts. Its parts are put together in
 * {@link Parts}.
 *
 * Nothing here listens, forks or opens a file: transport, store, pools, scheduler and clock are handed in, so that the
 * same manager runs in production, in tests and in simulations.
 */
import type { ManagerStatusReply } from '../core/client-replies.ts';
import { WrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Adds } from './adds.ts';
import type { Archive } from './archive.ts';
import type { ManagerOptions } from './manager-options.ts';
import { Parts } from './parts.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import { recover } from './recovery.ts';

type Mode = ManagerStatusReply['mode'];

export class Manager {
  readonly queue: JobQueue;
  readonly persist: Persist;
  readonly archive: Archive;
  readonly #options: ManagerOptions;
  readonly #parts: Parts;
  #adds: Adds | undefined;
  #mode: Mode = 'recovering';
  #halted = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#parts = new Parts(options, {
      mode: () => this.mode,
      ready: () => this.#ready(),
      adds: () => this.#addsNow(),
    });
    this.queue = this.#parts.queue;
    this.persist = this.#parts.persist;
    this.archive = this.#parts.archive;
  }

  get mode(): Mode {
    return this.#mode === 'started' ? this.#parts.steering.mode : this.#mode;
  }

  /** Takes up what the database holds; requests that came meanwhile are answered afterwards. */
  async start(): Promise<void> {
    const { store, clock, log, scheduler } = this.#options;
    const startedMs = clock.monotonicMs();
    const recovered = await recover(store, this.queue, clock, () => undefined);
    this.#parts.tokens.startAt(recovered.nextAttempt);
    const batches = recovered.unindexed.map(({ batch }) => batch);
    this.persist.startBatchesAt(Math.max(0, ...batches) + 1);
    for (const { batch, numbers } of recovered.unindexed) this.archive.completed(batch, numbers);
    this.#adds = this.#parts.makeAdds(recovered.nextSegment);
    if (recovered.missing !== null) {
      const { jobs, segments, repGroups } = recovered.missing;
      log.error(
        'the database is damaged: commands that had not ended are missing; restore a backup, or add them again',
        { commands: jobs, segments, repGroups: repGroups.join(', ') },
      );
    }
    log.info('recovered prior state', {
      jobs: this.queue.keys.size,
      ms: Math.round(clock.monotonicMs() - startedMs),
    });
    if (this.#mode === 'recovering') this.#mode = 'started';
    this.#parts.steering.restore();
    this.#parts.goneRunners.recovered();
    scheduler.tidy();
    this.#parts.time.start();
    this.#parts.requests.answerEarly();
    this.#ready();
  }

  receive(peer: Peer, frame: Uint8Array): void {
    if (this.#halted) return;
    this.#parts.requests.receive(peer, frame);
  }

  closed(peer: Peer): void {
    if (this.#halted) return;
    this.#adds?.closed(peer);
    this.#parts.desk.closed(peer);
    this.#parts.listings.closed(peer);
    this.#parts.settling.closed(peer);
    this.#parts.watching.closed(peer);
  }

  /**
   * Kills what runs and waits until its end is reported, `patienceMs` at most; then everything is on disk. After a drain only
   * what contact was lost with runs yet: it is left alone, and taken up by the next start.
   * @throws {WrError} STORE_FULL: what could not be written in as much time again is told anew by its runners
   */
  async stop(patienceMs: number): Promise<void> {
    const { clock, scheduler } = this.#options;
    this.#mode = 'stopping';
    this.#parts.allotment.close();
    const { isDrained } = this.#parts.steering;
    this.#parts.desk.stop(isDrained);
    const isAtWork = (): boolean =>
      this.#parts.time.endOrphans() > 0 || (!isDrained && this.#parts.desk.holding());
    const untilMs = clock.monotonicMs() + patienceMs;
    while (isAtWork() && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => clock.after(20, resolve));
    }
    await scheduler.cleanup();
    this.#parts.time.stop();
    this.#parts.emptied.stop();
    await this.#flushedWithin(patienceMs);
    await this.archive.settle(() => this.persist.flushed());
    await this.#parts.backups.finish();
  }

  /**
   * Something failed, so that nobody knows what all this is worth: nothing is answered, decided, started or written any more.
   * Runners and their commands are left alone, for the next manager to take up from what is on disk.
   */
  readonly halt = (): void => {
    this.#halted = true;
    this.#mode = 'stopping';
    this.#parts.time.stop();
    this.persist.halt();
    this.#parts.allotment.close();
    void this.#options.scheduler.cleanup().catch(() => undefined);
  };

  /** A disk that is slow is waited for, one that stays full is not. */
  async #flushedWithin(patienceMs: number): Promise<void> {
    const flushed = this.persist.flushed();
    const over = new Promise<void>((resolve) => void this.#options.clock.after(patienceMs, resolve));
    await Promise.race([flushed, over]);
    if (this.persist.failure !== undefined) throw this.persist.failure;
    await flushed;
  }

  #addsNow(): Adds {
    if (this.#adds === undefined) throw new WrError('RECOVERING', 'the manager is recovering prior state');
    return this.#adds;
  }

  /** Jobs may have become ready. */
  #ready(): void {
    this.#parts.telling.tell();
    this.#parts.desk.serveWaiting();
    this.#parts.allotment.changed();
    this.#parts.failStops.consider();
  }
}
