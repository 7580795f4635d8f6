/**
 * The manager: puts its parts together, starts and stops them, and keeps time.
 *
 * Nothing here listens, forks or opens a file: transport, store, pools, scheduler and clock are handed in, so that the
 * same manager runs in production, in tests and in simulations.
 */
import type { Attempt } from '../core/attempts.ts';
import type { ManagerStatusReply } from '../core/client-replies.ts';
import { asWrError, WrError } from '../core/errors.ts';
import type { IsGone } from '../core/job-losses.ts';
import { JobQueue } from '../core/job-queue.ts';
import { TTR_MS } from '../core/protocol.ts';
import type { Resources } from '../core/resource-names.ts';
import { readLearned } from '../store/group-tables.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import { SegmentCache } from '../store/segment-cache.ts';
import { Adds } from './adds.ts';
import { Allotment } from './allotment.ts';
import { Archive } from './archive.ts';
import { AttemptTokens } from './attempt-tokens.ts';
import { Backups } from './backups.ts';
import { Changes } from './changes.ts';
import { type Clock, momentOf } from './clock.ts';
import { EmptiedSegments } from './emptied-segments.ts';
import { Explaining } from './explaining.ts';
import { FailStops } from './fail-stops.ts';
import { GoneRunners } from './gone-runners.ts';
import { Learner } from './learner.ts';
import { Limits } from './limits.ts';
import { Listings } from './listings.ts';
import type { Log } from './log.ts';
import { logFailure } from './log-failure.ts';
import { LostChecks } from './lost-checks.ts';
import { Modifying } from './modify.ts';
import { NeverTold } from './never-told.ts';
import { OldAnswers } from './old-answers.ts';
import type { Peer } from './peer.ts';
import { Persist } from './persist.ts';
import type { Processes } from './processes.ts';
import { recover } from './recovery.ts';
import { type RequestParts, Requests } from './requests.ts';
import { RunnerDesk } from './runner-desk.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import { Selection } from './selection.ts';
import { Settling } from './settling.ts';
import { SharedContent } from './shared-content.ts';
import { Steering } from './steering.ts';
import type { Tasks } from './tasks.ts';
import { Telling } from './telling.ts';
import { Trimming } from './trimming.ts';
import { Watching } from './watching.ts';
import { whyNever } from './why-never.ts';

/** Looks for due and silent jobs so often. */
const TICK_MS = 250;
/** Delayed jobs made ready in one step. */
const RIPEN_MAX = 2_000;
/** A pause of the manager's own this long is no silence of the runners' (reliability.md c10). */
const STALL_MS = 2_000;

export interface ManagerOptions {
  readonly store: KeyValueStore;
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly log: Log;
  readonly scheduler: Scheduler;
  readonly deployment: string;
  /** Units of counted resources that the machine has; none unless said. */
  readonly resources?: Resources;
  readonly ttrMs?: number;
  /** Whether a process of a host is known not to exist; false when nobody can tell. */
  readonly isGone: IsGone;
  /** Ends a command of this machine that has no runner any more. @returns whether something of it is there that may yet end */
  readonly endOrphan: (attempt: Attempt, nowMs: number) => boolean;
  /** Where the database is backed up by itself; `null`: nowhere. */
  readonly backupFile: string | null;
  /** Processes of this host and of others. */
  readonly processes: Processes;
  readonly about: RequestParts['about'];
  readonly onShutdown: RequestParts['onShutdown'];
  /** Nothing can be written any more, and nobody knows what the disk kept: only a restart from it is safe. */
  readonly onFatal: (error: WrError) => void;
}

type Mode = ManagerStatusReply['mode'];

export class Manager {
  readonly queue = new JobQueue();
  readonly persist: Persist;
  readonly archive: Archive;
  readonly #options: ManagerOptions;
  readonly #emptied: EmptiedSegments;
  readonly #desk: RunnerDesk;
  readonly #allotment: Allotment;
  readonly #listings: Listings;
  readonly #changes: Changes;
  readonly #settling: Settling;
  readonly #limits: Limits;
  readonly #failStops: FailStops;
  readonly #watching: Watching;
  readonly #learner: Learner;
  readonly #trimming: Trimming;
  readonly #oldAnswers: OldAnswers;
  readonly #steering: Steering;
  readonly #lostChecks: LostChecks;
  readonly #goneRunners: GoneRunners;
  readonly #neverTold: NeverTold;
  readonly #backups: Backups;
  /** Adds since the start. */
  #additions = 0;
  readonly #explaining: Explaining;
  readonly #shared: SharedContent;
  readonly #modifying: Modifying;
  readonly #tokens: AttemptTokens;
  readonly #telling: Telling;
  readonly #requests: Requests;
  #adds: Adds | undefined;
  #mode: Mode = 'recovering';
  #lastTickMs = 0;
  #halted = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    const { store, tasks, clock, log, scheduler } = options;
    const { queue } = this;
    queue.groups.resources.configure(options.resources ?? {});
    const segments = new SegmentCache(store);
    this.persist = new Persist(queue, store, clock, {
      failing: (error) => {
        log.error('results cannot be written; trying again', { error: error.message, code: error.code });
        // A full disk may be cleared; of all else nobody knows what was kept, and trying again changes nothing.
        if (error.code !== 'STORE_FULL') options.onFatal(error);
      },
      recovered: () => log.warn('results can be written again'),
      completed: (batch, numbers) => this.archive.completed(batch, numbers),
      removed: (numbers) => this.archive.removed(numbers),
      emptied: (entries) => {
        for (const { segment } of entries) segments.drop(segment);
        this.#emptied.take(entries);
      },
      overlaid: (ids) => {
        for (const id of ids) segments.drop(id);
      },
      settled: (numbers) => {
        this.#settling.settled(numbers);
        this.#watching.settled(numbers);
      },
      riders: (beside) => this.archive.riders(beside),
      ridden: () => this.archive.ridden(),
    });
    this.#emptied = new EmptiedSegments(store, this.persist);
    this.archive = new Archive(queue, store, tasks, clock, () => this.persist.nudge());
    this.#tokens = new AttemptTokens(this.persist);
    const selection = new Selection(queue, tasks);
    this.#desk = new RunnerDesk({
      queue,
      store,
      segments,
      persist: this.persist,
      clock,
      processes: options.processes,
      nextToken: () => this.#tokens.take(),
      events: {
        hostRunner: (runner, connected) => this.#allotment.hostRunner(runner, connected),
        changed: () => this.#ready(),
        away: (runner) => this.#goneRunners.closed(runner),
        unreadable: ({ number }, error) =>
          log.error('a command could not be read from the database, and was buried', {
            key: queue.table.keyHex(number),
            error: asWrError(error).message,
          }),
        refused: (error) => logFailure(log, 'report', error),
      },
    });
    this.#allotment = new Allotment({
      queue,
      tasks,
      clock,
      scheduler,
      log,
      persist: this.persist,
      handOut: (runner, group, count) => this.#desk.handOutTo(runner, group, count),
    });
    this.#failStops = new FailStops({ queue, selection, persist: this.persist, clock, log });
    this.#listings = new Listings(queue, tasks, selection, clock);
    this.#settling = new Settling(queue, tasks, selection, clock, () => this.persist.flushed());
    const { persist } = this;
    const mode = (): Mode => this.mode;
    this.#watching = new Watching({ queue, selection, persist, clock, mode });
    this.#explaining = new Explaining({
      queue,
      tasks,
      selection,
      clock,
      scheduler,
      mode,
      hostTrouble: (host) => this.#lostChecks.trouble(host),
      allotted: (group) => this.#allotment.allotted(group),
    });
    const onReady = (): void => this.#ready();
    this.#limits = new Limits(queue, this.persist, onReady);
    queue.cohorts.memoryMbMax = scheduler.capacity.memoryMb;
    queue.cohorts.usages.source = (reqGroup) => readLearned(store, reqGroup);
    this.#trimming = new Trimming({
      queue,
      persist: this.persist,
      clock,
      isAwaited: () => {
        const awaited = this.#desk.awaited();
        return (group) => this.#allotment.has(group) || awaited(group);
      },
    });
    this.#oldAnswers = new OldAnswers({ store, persist: this.persist, clock });
    this.#learner = new Learner({ queue, tasks, persist: this.persist, clock, log, onMoved: onReady });
    this.#steering = new Steering({
      queue,
      store,
      persist: this.persist,
      desk: this.#desk,
      allotment: this.#allotment,
      clock,
      log,
      pid: () => options.about().pid,
      onReady,
      onDrained: () => options.onShutdown('it was drained'),
    });
    this.#shared = new SharedContent(queue, store, clock);
    this.#modifying = new Modifying({
      queue,
      store,
      tasks,
      selection,
      persist: this.persist,
      archive: this.archive,
      limits: this.#limits,
      shared: this.#shared,
      desk: this.#desk,
      scheduler,
      clock,
      isDraining: () => this.mode === 'draining',
      onReady,
    });
    const { ownHost, killRunner, runOnHost } = options.processes;
    this.#backups = new Backups({
      store,
      path: options.backupFile,
      clock,
      log,
      version: () => this.persist.writes + this.#additions,
    });
    this.#goneRunners = new GoneRunners({
      queue,
      ownHost,
      isGone: options.isGone,
      ttrMs: options.ttrMs ?? TTR_MS,
      isConnected: (runnerId) => this.#desk.isConnected(runnerId),
    });
    this.#neverTold = new NeverTold({
      queue,
      clock,
      log,
      find: options.processes.findMarked,
      onFound: () => this.persist.note(),
    });
    this.#lostChecks = new LostChecks({
      queue,
      clock,
      log,
      ownHost,
      run: runOnHost,
      killRunner,
      onSettled: onReady,
    });
    this.#changes = new Changes({
      queue,
      failStops: this.#failStops,
      selection,
      persist: this.persist,
      desk: this.#desk,
      clock,
      onReady,
      onLost: (host) => this.#tidy(host),
      isAtWork: ({ host, pid, birth, startedMs }) =>
        host === ownHost && startedMs > 0 && pid > 0 && !options.isGone(host, pid, birth),
    });
    this.#telling = new Telling({ queue, persist, clock, onTold: onReady });
    this.#requests = new Requests({
      desk: this.#desk,
      adds: () => this.#addsNow(),
      listings: this.#listings,
      changes: this.#changes,
      modifying: this.#modifying,
      steering: this.#steering,
      settling: this.#settling,
      limits: this.#limits,
      explaining: this.#explaining,
      watching: this.#watching,
      backups: this.#backups,
      scheduler,
      log,
      mode,
      about: options.about,
      onShutdown: options.onShutdown,
    });
  }

  get mode(): Mode {
    return this.#mode === 'started' ? this.#steering.mode : this.#mode;
  }

  /** Takes up what the database holds; requests that came meanwhile are answered afterwards. */
  async start(): Promise<void> {
    const { store, clock, log, tasks, scheduler } = this.#options;
    const startedMs = clock.monotonicMs();
    const recovered = await recover(store, this.queue, clock, () => undefined);
    this.#tokens.startAt(recovered.nextAttempt);
    const batches = recovered.unindexed.map(({ batch }) => batch);
    this.persist.startBatchesAt(Math.max(0, ...batches) + 1);
    for (const { batch, numbers } of recovered.unindexed) this.archive.completed(batch, numbers);
    this.#adds = new Adds({
      queue: this.queue,
      store,
      tasks,
      clock,
      archive: this.archive,
      limits: this.#limits,
      shared: this.#shared,
      failStops: this.#failStops,
      nextSegment: recovered.nextSegment,
      deployment: this.#options.deployment,
      whyNever: (demand) =>
        whyNever(demand, { ...scheduler.capacity, units: (name) => this.queue.groups.resources.units(name) }),
      flushed: () => this.persist.flushed(),
      onAdded: () => {
        this.#additions += 1;
        this.#ready();
      },
      onFailed: (error) => logFailure(log, 'add', error),
    });
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
    this.#steering.restore();
    this.#goneRunners.recovered();
    scheduler.tidy();
    this.#lastTickMs = clock.monotonicMs();
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    this.#requests.answerEarly();
    this.#ready();
  }

  receive(peer: Peer, frame: Uint8Array): void {
    if (this.#halted) return;
    this.#requests.receive(peer, frame);
  }

  closed(peer: Peer): void {
    if (this.#halted) return;
    this.#adds?.closed(peer);
    this.#desk.closed(peer);
    this.#listings.closed(peer);
    this.#settling.closed(peer);
    this.#watching.closed(peer);
  }

  /**
   * Kills what runs and waits until its end is reported, `patienceMs` at most; then everything is on disk. After a drain only
   * what contact was lost with runs yet: it is left alone, and taken up by the next start.
   * @throws {WrError} STORE_FULL: what could not be written in as much time again is told anew by its runners
   */
  async stop(patienceMs: number): Promise<void> {
    const { clock, scheduler } = this.#options;
    this.#mode = 'stopping';
    this.#allotment.close();
    const { isDrained } = this.#steering;
    this.#desk.stop(isDrained);
    const isAtWork = (): boolean => this.#endOrphans() > 0 || (!isDrained && this.#desk.holding());
    const untilMs = clock.monotonicMs() + patienceMs;
    while (isAtWork() && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => clock.after(20, resolve));
    }
    await scheduler.cleanup();
    this.#cancelTick();
    this.#emptied.stop();
    await this.#flushedWithin(patienceMs);
    await this.archive.settle(() => this.persist.flushed());
    await this.#backups.finish();
  }

  /**
   * Something failed, so that nobody knows what all this is worth: nothing is answered, decided, started or written any more.
   * Runners and their commands are left alone, for the next manager to take up from what is on disk.
   */
  readonly halt = (): void => {
    this.#halted = true;
    this.#mode = 'stopping';
    this.#cancelTick();
    this.persist.halt();
    this.#allotment.close();
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

  // ------------------------------------------------------------ time

  #tick(): void {
    if (this.#halted) return;
    const { clock, ttrMs = TTR_MS } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const stalledMs = monotonicMs - this.#lastTickMs - TICK_MS;
    this.#lastTickMs = monotonicMs;
    if (stalledMs > STALL_MS) this.queue.extendContacts(stalledMs);
    const now = momentOf(clock);
    const { nowMs } = now;
    const { isGone } = this.#options;
    this.#goneRunners.tick(monotonicMs);
    const expired = this.queue.expire(now, ttrMs, isGone, {
      random: () => clock.random(),
      onOver: (attempt) => this.#isOver(attempt),
      isEnding: (attempt) => this.queue.isOrphanToEnd(attempt, this.#isAlone),
      isBare: this.#neverTold.isBare,
    });
    this.#neverTold.tick();
    this.#endOrphans();
    this.#lostChecks.tick();
    this.#backups.tick();
    const settled = expired + this.queue.ripen(nowMs, RIPEN_MAX);
    const windows = this.queue.groups.limits.tick(nowMs);
    if (settled > 0 || windows) this.#ready();
    this.#steering.tick();
    if (this.queue.changes.size > 0) this.persist.note();
    this.#learner.tick();
    this.#trimming.tick();
    this.#oldAnswers.tick();
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
  }

  #isOver({ number, host, pid }: Attempt): void {
    this.#options.log.info('a command is over: neither it nor its runner is there any more', {
      key: this.queue.table.keyHex(number),
      host,
      pid,
    });
    this.#tidy(host);
  }

  /** A command was lost: what follows its failure, and its directories, are left for the next runner of its host. */
  #tidy(host: string): void {
    if (host === this.#options.processes.ownHost) this.#options.scheduler.tidy();
  }

  /** An attempt of this host whose runner is gone, or lets nothing be heard: it may stand still for ever. */
  readonly #isAlone = ({ host, runnerPid, runnerBirth, lostMs }: Attempt): boolean =>
    this.#options.isGone(host, runnerPid, runnerBirth) ||
    (lostMs !== 0 && host === this.#options.processes.ownHost);

  /** Ends commands that someone asked to end and that have no runner to do it. @returns how many are there still */
  #endOrphans(): number {
    const { isGone, endOrphan, clock } = this.#options;
    let left = 0;
    for (const attempt of [...this.queue.orphans(this.#isAlone)]) {
      // Also when it is over itself: something that came of it may not be.
      if (endOrphan(attempt, clock.monotonicMs())) left += 1;
      else if (isGone(attempt.host, attempt.pid, attempt.birth)) {
        this.queue.settleOrphan(attempt, clock.nowMs());
        this.#tidy(attempt.host);
      }
    }
    return left;
  }

  /** Jobs may have become ready. */
  #ready(): void {
    this.#telling.tell();
    this.#desk.serveWaiting();
    this.#allotment.changed();
    this.#failStops.consider();
  }
}
