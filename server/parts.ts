import type { ManagerStatusReply } from '../core/client-replies.ts';
import { asWrError } from '../core/errors.ts';
import { JobQueue } from '../core/job-queue.ts';
import { TTR_MS } from '../core/protocol.ts';
import { readLearned } from '../store/group-tables.ts';
import { SegmentCache } from '../store/segment-cache.ts';
import { Adds } from './adds.ts';
import { Allotment } from './allotment.ts';
import { Archive } from './archive.ts';
import { AttemptTokens } from './attempt-tokens.ts';
import { Backups } from './backups.ts';
import { Changes } from './changes.ts';
import { EmptiedSegments } from './emptied-segments.ts';
import { Explaining } from './explaining.ts';
import { FailStops } from './fail-stops.ts';
import { GoneRunners } from './gone-runners.ts';
import { Learner } from './learner.ts';
import { Limits } from './limits.ts';
import { Listings } from './listings.ts';
import { logFailure } from './log-failure.ts';
import { LostChecks } from './lost-checks.ts';
import type { ManagerOptions } from './manager-options.ts';
import { Modifying } from './modify.ts';
import { NeverTold } from './never-told.ts';
import { OldAnswers } from './old-answers.ts';
import { Persist } from './persist.ts';
import { Requests } from './requests.ts';
import { RunnerDesk } from './runner-desk.ts';
import { Selection } from './selection.ts';
import { Settling } from './settling.ts';
import { SharedContent } from './shared-content.ts';
import { Steering } from './steering.ts';
import { Telling } from './telling.ts';
import { Timekeeping } from './timekeeping.ts';
import { Trimming } from './trimming.ts';
import { Watching } from './watching.ts';
import { whyNever } from './why-never.ts';

/** The manager's, as far as its parts ask. */
export interface Life {
  readonly mode: () => ManagerStatusReply['mode'];
  /** Jobs may have become ready. */
  readonly ready: () => void;
  /** @throws {WrError} RECOVERING: none are taken yet */
  readonly adds: () => Adds;
}

export class Parts {
  readonly queue = new JobQueue();
  readonly persist: Persist;
  readonly archive: Archive;
  readonly emptied: EmptiedSegments;
  readonly desk: RunnerDesk;
  readonly allotment: Allotment;
  readonly listings: Listings;
  readonly changes: Changes;
  readonly settling: Settling;
  readonly limits: Limits;
  readonly failStops: FailStops;
  readonly watching: Watching;
  readonly learner: Learner;
  readonly trimming: Trimming;
  readonly oldAnswers: OldAnswers;
  readonly steering: Steering;
  readonly lostChecks: LostChecks;
  readonly goneRunners: GoneRunners;
  readonly neverTold: NeverTold;
  readonly backups: Backups;
  readonly explaining: Explaining;
  readonly shared: SharedContent;
  readonly modifying: Modifying;
  readonly tokens: AttemptTokens;
  readonly telling: Telling;
  readonly time: Timekeeping;
  readonly requests: Requests;
  readonly #options: ManagerOptions;
  readonly #life: Life;
  /** Adds since the start. */
  #additions = 0;

  constructor(options: ManagerOptions, life: Life) {
    this.#options = options;
    this.#life = life;
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
    this.emptied = new EmptiedSegments(store, persist);
    this.archive = new Archive(queue, store, tasks, clock, () => persist.nudge());
    this.tokens = new AttemptTokens(persist);
    this.oldAnswers = new OldAnswers({ store, persist, clock });
    this.backups = this.#makeBackups();
    // What is handed out, and to whom.
    this.desk = this.#makeDesk(segments);
    this.allotment = this.#makeAllotment();
    this.limits = new Limits(queue, persist, this.#life.ready);
    this.learner = new Learner({ queue, tasks, persist, clock, log, onMoved: this.#life.ready });
    this.trimming = this.#makeTrimming();
    this.telling = new Telling({ queue, persist, clock, onTold: this.#life.ready });
    this.steering = this.#makeSteering();
    // Runners and commands that went away.
    this.goneRunners = this.#makeGoneRunners();
    this.neverTold = this.#makeNeverTold();
    this.lostChecks = this.#makeLostChecks();
    // What users ask for.
    this.failStops = new FailStops({ queue, selection, persist, clock, log });
    this.listings = new Listings(queue, tasks, selection, clock);
    this.settling = new Settling(queue, tasks, selection, clock, () => persist.flushed());
    this.watching = new Watching({ queue, selection, persist, clock, mode: this.#life.mode });
    this.explaining = this.#makeExplaining(selection);
    this.shared = new SharedContent(queue, store, clock);
    this.modifying = this.#makeModifying(selection);
    this.changes = this.#makeChanges(selection);
    this.requests = this.#makeRequests();
    this.time = this.#makeTime(processes.ownHost);
  }

  /** Once it is known which segments there are. */
  makeAdds(nextSegment: number): Adds {
    const { store, tasks, clock, log, scheduler, deployment } = this.#options;
    return new Adds({
      queue: this.queue,
      store,
      tasks,
      clock,
      archive: this.archive,
      limits: this.limits,
      shared: this.shared,
      failStops: this.failStops,
      nextSegment,
      deployment,
      whyNever: (demand) =>
        whyNever(demand, { ...scheduler.capacity, units: (name) => this.queue.groups.resources.units(name) }),
      flushed: () => this.persist.flushed(),
      onAdded: () => {
        this.#additions += 1;
        this.#life.ready();
      },
      onFailed: (error) => logFailure(log, 'add', error),
    });
  }

  // ------------------------------------------------------------ in the order of their making

  #makePersist(segments: SegmentCache): Persist {
    const { store, clock, log, onFatal } = this.#options;
    return new Persist(this.queue, store, clock, {
      failing: (error) => {
        log.error('results cannot be written; trying again', { error: error.message, code: error.code });
        // A full disk may be cleared; of all else nobody knows what was kept, and trying again changes nothing.
        if (error.code !== 'STORE_FULL') onFatal(error);
        this.allotment.pause(true, 'unwritable');
      },
      recovered: () => {
        log.warn('results can be written again');
        this.allotment.pause(false, 'unwritable');
        this.#life.ready();
      },
      completed: (batch, numbers) => this.archive.completed(batch, numbers),
      removed: (numbers) => this.archive.removed(numbers),
      emptied: (entries) => {
        for (const { segment } of entries) segments.drop(segment);
        this.emptied.take(entries);
      },
      overlaid: (ids) => {
        for (const id of ids) segments.drop(id);
      },
      settled: (numbers) => {
        this.settling.settled(numbers);
        this.watching.settled(numbers);
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
      nextToken: () => this.tokens.take(),
      events: {
        hostRunner: (runner, connected) => this.allotment.hostRunner(runner, connected),
        changed: () => this.#life.ready(),
        away: (runner) => this.goneRunners.closed(runner),
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
      handOut: (runner, group, count) => this.desk.handOutTo(runner, group, count),
    });
  }

  #makeTrimming(): Trimming {
    return new Trimming({
      queue: this.queue,
      persist: this.persist,
      clock: this.#options.clock,
      isAwaited: () => {
        const awaited = this.desk.awaited();
        return (group) => this.allotment.has(group) || awaited(group);
      },
    });
  }

  #makeSteering(): Steering {
    const { store, clock, log, about, onShutdown } = this.#options;
    return new Steering({
      queue: this.queue,
      store,
      persist: this.persist,
      desk: this.desk,
      allotment: this.allotment,
      clock,
      log,
      pid: () => about().pid,
      onReady: this.#life.ready,
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
      isConnected: (runnerId) => this.desk.isConnected(runnerId),
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
      onSettled: this.#life.ready,
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
      mode: this.#life.mode,
      hostTrouble: (host) => this.lostChecks.trouble(host),
      allotted: (group) => this.allotment.allotted(group),
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
      limits: this.limits,
      shared: this.shared,
      desk: this.desk,
      scheduler,
      clock,
      isDraining: () => this.#life.mode() === 'draining',
      onReady: this.#life.ready,
    });
  }

  #makeChanges(selection: Selection): Changes {
    const { clock, processes, isGone } = this.#options;
    return new Changes({
      queue: this.queue,
      failStops: this.failStops,
      selection,
      persist: this.persist,
      desk: this.desk,
      clock,
      onReady: this.#life.ready,
      onLost: (host) => this.time.tidy(host),
      isAtWork: ({ host, pid, birth, startedMs }) =>
        host === processes.ownHost && startedMs > 0 && pid > 0 && !isGone(host, pid, birth),
    });
  }

  #makeRequests(): Requests {
    const { scheduler, log, about, onShutdown } = this.#options;
    return new Requests({
      desk: this.desk,
      adds: this.#life.adds,
      listings: this.listings,
      changes: this.changes,
      modifying: this.modifying,
      steering: this.steering,
      settling: this.settling,
      limits: this.limits,
      explaining: this.explaining,
      watching: this.watching,
      backups: this.backups,
      scheduler,
      log,
      mode: this.#life.mode,
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
      goneRunners: this.goneRunners,
      neverTold: this.neverTold,
      others: [this.lostChecks, this.backups, this.steering, this.learner, this.trimming, this.oldAnswers],
      onReady: this.#life.ready,
      onLeft: () => scheduler.tidy(),
    });
  }
}
