/**
 * The manager: puts its parts together, starts and stops them.
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
import type { Clock } from './clock.ts';
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
import { Timekeeping } from './timekeeping.ts';
import { Trimming } from './trimming.ts';
import { Watching } from './watching.ts';
import { whyNever } from './why-never.ts';

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
  readonly #time: Timekeeping;
  readonly #requests: Requests;
  #adds: Adds | undefined;
  #mode: Mode = 'recovering';
  #halted = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    const { store, tasks, clock, log, scheduler, processes } = options;
    const { queue } = this;
    queue.groups.resources.configure(options.resources ?? {});
    queue.cohorts.memoryMbMax = scheduler.capacity.memoryMb;
    queue.cohorts.usages.source = (reqGroup) => readLearned(store, reqGroup);
    const segments = new SegmentCache(store);
    const selection = new Selection(queue, tasks);
    // What gets to disk.
    this.persist = this.#makePersist(segments);
    const { persist } = this;
    this.#emptied = new EmptiedSegments(store, persist);
    this.archive = new Archive(queue, store, tasks, clock, () => persist.nudge());
    this.#tokens = new AttemptTokens(persist);
    this.#oldAnswers = new OldAnswers({ store, persist, clock });
    this.#backups = this.#makeBackups();
    // What is handed out, and to whom.
    this.#desk = this.#makeDesk(segments);
    this.#allotment = this.#makeAllotment();
    this.#limits = new Limits(queue, persist, this.#onReady);
    this.#learner = new Learner({ queue, tasks, persist, clock, log, onMoved: this.#onReady });
    this.#trimming = this.#makeTrimming();
    this.#telling = new Telling({ queue, persist, clock, onTold: this.#onReady });
    this.#steering = this.#makeSteering();
    // Runners and commands that went away.
    this.#goneRunners = this.#makeGoneRunners();
    this.#neverTold = this.#makeNeverTold();
    this.#lostChecks = this.#makeLostChecks();
    // What users ask for.
    this.#failStops = new FailStops({ queue, selection, persist, clock, log });
    this.#listings = new Listings(queue, tasks, selection, clock);
    this.#settling = new Settling(queue, tasks, selection, clock, () => persist.flushed());
    this.#watching = new Watching({ queue, selection, persist, clock, mode: () => this.mode });
    this.#explaining = this.#makeExplaining(selection);
    this.#shared = new SharedContent(queue, store, clock);
    this.#modifying = this.#makeModifying(selection);
    this.#changes = this.#makeChanges(selection);
    this.#requests = this.#makeRequests();
    this.#time = this.#makeTime(processes.ownHost);
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
    this.#time.start();
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
    const isAtWork = (): boolean => this.#time.endOrphans() > 0 || (!isDrained && this.#desk.holding());
    const untilMs = clock.monotonicMs() + patienceMs;
    while (isAtWork() && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => clock.after(20, resolve));
    }
    await scheduler.cleanup();
    this.#time.stop();
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
    this.#time.stop();
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

  /** Jobs may have become ready. */
  readonly #onReady = (): void => this.#ready();

  #ready(): void {
    this.#telling.tell();
    this.#desk.serveWaiting();
    this.#allotment.changed();
    this.#failStops.consider();
  }

  // ------------------------------------------------------------ parts, each in the order of their making

  #makePersist(segments: SegmentCache): Persist {
    const { store, clock, log, onFatal } = this.#options;
    return new Persist(this.queue, store, clock, {
      failing: (error) => {
        log.error('results cannot be written; trying again', { error: error.message, code: error.code });
        // A full disk may be cleared; of all else nobody knows what was kept, and trying again changes nothing.
        if (error.code !== 'STORE_FULL') onFatal(error);
        this.#allotment.pause(true, 'unwritable');
      },
      recovered: () => {
        log.warn('results can be written again');
        this.#allotment.pause(false, 'unwritable');
        this.#ready();
      },
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
  }

  #makeBackups(): Backups {
    const { store, clock, log, backupFile } = this.#options;
    return new Backups({
      store,
      path: backupFile,
      clock,
      log,
      version: () => this.persist.writes + this.#additions,
    });
  }

  #makeDesk(segments: SegmentCache): RunnerDesk {
    const { queue, persist } = this;
    const { store, clock, log, processes } = this.#options;
    return new RunnerDesk({
      queue,
      store,
      segments,
      persist,
      clock,
      processes,
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
  }

  #makeAllotment(): Allotment {
    const { tasks, clock, scheduler, log } = this.#options;
    return new Allotment({
      queue: this.queue,
      tasks,
      clock,
      scheduler,
      log,
      persist: this.persist,
      handOut: (runner, group, count) => this.#desk.handOutTo(runner, group, count),
    });
  }

  #makeTrimming(): Trimming {
    return new Trimming({
      queue: this.queue,
      persist: this.persist,
      clock: this.#options.clock,
      isAwaited: () => {
        const awaited = this.#desk.awaited();
        return (group) => this.#allotment.has(group) || awaited(group);
      },
    });
  }

  #makeSteering(): Steering {
    const { store, clock, log, about, onShutdown } = this.#options;
    return new Steering({
      queue: this.queue,
      store,
      persist: this.persist,
      desk: this.#desk,
      allotment: this.#allotment,
      clock,
      log,
      pid: () => about().pid,
      onReady: this.#onReady,
      onDrained: () => onShutdown('it was drained'),
    });
  }

  #makeGoneRunners(): GoneRunners {
    const { processes, isGone, ttrMs = TTR_MS } = this.#options;
    return new GoneRunners({
      queue: this.queue,
      ownHost: processes.ownHost,
      isGone,
      ttrMs,
      isConnected: (runnerId) => this.#desk.isConnected(runnerId),
    });
  }

  #makeNeverTold(): NeverTold {
    const { clock, log, processes } = this.#options;
    return new NeverTold({
      queue: this.queue,
      clock,
      log,
      find: processes.findMarked,
      onFound: () => this.persist.note(),
    });
  }

  #makeLostChecks(): LostChecks {
    const { clock, log, processes } = this.#options;
    const { ownHost, runOnHost, killRunner } = processes;
    return new LostChecks({
      queue: this.queue,
      persist: this.persist,
      clock,
      log,
      ownHost,
      run: runOnHost,
      killRunner,
      onSettled: this.#onReady,
    });
  }

  #makeExplaining(selection: Selection): Explaining {
    const { tasks, clock, scheduler } = this.#options;
    return new Explaining({
      queue: this.queue,
      tasks,
      selection,
      clock,
      scheduler,
      mode: () => this.mode,
      hostTrouble: (host) => this.#lostChecks.trouble(host),
      allotted: (group) => this.#allotment.allotted(group),
    });
  }

  #makeModifying(selection: Selection): Modifying {
    const { store, tasks, scheduler, clock } = this.#options;
    return new Modifying({
      queue: this.queue,
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
      onReady: this.#onReady,
    });
  }

  #makeChanges(selection: Selection): Changes {
    const { clock, processes, isGone } = this.#options;
    return new Changes({
      queue: this.queue,
      failStops: this.#failStops,
      selection,
      persist: this.persist,
      desk: this.#desk,
      clock,
      onReady: this.#onReady,
      onLost: (host) => this.#time.tidy(host),
      isAtWork: ({ host, pid, birth, startedMs }) =>
        host === processes.ownHost && startedMs > 0 && pid > 0 && !isGone(host, pid, birth),
    });
  }

  #makeRequests(): Requests {
    const { scheduler, log, about, onShutdown } = this.#options;
    return new Requests({
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
      mode: () => this.mode,
      about,
      onShutdown,
    });
  }

  #makeTime(ownHost: string): Timekeeping {
    const { clock, log, ttrMs = TTR_MS, isGone, endOrphan, scheduler } = this.#options;
    return new Timekeeping({
      queue: this.queue,
      persist: this.persist,
      clock,
      log,
      ttrMs,
      ownHost,
      isGone,
      endOrphan,
      goneRunners: this.#goneRunners,
      neverTold: this.#neverTold,
      others: [
        this.#lostChecks,
        this.#backups,
        this.#steering,
        this.#learner,
        this.#trimming,
        this.#oldAnswers,
      ],
      onReady: this.#onReady,
      onLeft: () => scheduler.tidy(),
    });
  }
}
