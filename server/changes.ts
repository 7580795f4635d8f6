/** Kill, retry, remove, suspend and resume: which jobs are meant, what changes, and the answer once it is on disk. */
import type { Attempt } from '../core/attempts.ts';
import type { KillRequest, RemoveRequest, RetryRequest } from '../core/client-requests.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { ResumeRequest, SuspendRequest } from '../core/protocol-control.ts';
import type { Selector } from '../core/selector.ts';
import { INCOMPLETE_MASK, isHeld, STATE, stateMask } from '../core/states.ts';
import type { Step } from '../core/suspension.ts';
import { type Clock, Slices } from './clock.ts';
import type { FailStops } from './fail-stops.ts';
import { FirstAnswers } from './first-answers.ts';
import { GivingWay } from './giving-way.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import { Removal } from './removal.ts';
import type { RunnerDesk } from './runner-desk.ts';
import type { Selection } from './selection.ts';

const KILLABLE = stateMask(['reserved', 'running', 'lost']);
const REMOVABLE = stateMask(['ready', 'dependent', 'delayed', 'suspended', 'buried']);
/** Records waiting for the disk, with which a change waits for them, as nobody's commit is to be as long as this one: of removed
 *  commands, and of retried and killed ones, whose records are read to be changed. */
const REMOVED_MAX = 2_048;
const RETRIED_MAX = 256;
const KILLED_MAX = 512;
/** Jobs changed before others are given way. */
const STEP = 256;
/** Segments whose jobs were suspended or resumed, in one commit. */
const SEGMENTS_MAX = 8;
/** Answers remembered, so that a repeated request is not carried out twice. */
const ANSWERS_MAX = 10_000;
/** Process ids named in a warning. */
const PIDS_TOLD = 5;

interface Answer {
  readonly changed: number;
  readonly eligible: number;
  /** Not removed, as others depend on them. */
  readonly held?: number;
  readonly warnings?: readonly string[];
}

export class Changes {
  readonly #queue: JobQueue;
  readonly #selection: Selection;
  readonly #persist: Persist;
  readonly #desk: RunnerDesk;
  readonly #failStops: FailStops;
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #onLost: (host: string) => void;
  readonly #isAtWork: (attempt: Attempt) => boolean;
  readonly #answers = new FirstAnswers<Answer>(ANSWERS_MAX);

  constructor(options: {
    readonly queue: JobQueue;
    readonly selection: Selection;
    readonly persist: Persist;
    readonly desk: RunnerDesk;
    readonly failStops: FailStops;
    readonly clock: Clock;
    readonly onReady: () => void;
    /** A command of this host was lost for good. */
    readonly onLost: (host: string) => void;
    /** Whether the process of an attempt can be seen to run, whatever anybody says. */
    readonly isAtWork: (attempt: Attempt) => boolean;
  }) {
    this.#queue = options.queue;
    this.#selection = options.selection;
    this.#persist = options.persist;
    this.#desk = options.desk;
    this.#failStops = options.failStops;
    this.#clock = options.clock;
    this.#onReady = options.onReady;
    this.#onLost = options.onLost;
    this.#isAtWork = options.isAtWork;
  }

  async kill(peer: Peer, request: KillRequest): Promise<void> {
    await this.#once(peer, request, () => this.#kill(request));
  }

  async retry(peer: Peer, request: RetryRequest): Promise<void> {
    await this.#once(peer, request, () =>
      this.#each(request.select, maskFor(request.select, 1 << STATE.buried), RETRIED_MAX, (number) =>
        this.#queue.retry(number) ? 1 : 0,
      ),
    );
    this.#onReady();
  }

  async remove(peer: Peer, request: RemoveRequest): Promise<void> {
    const states = request.buriedOnly ? 1 << STATE.buried : REMOVABLE;
    const { table } = this.#queue;
    await this.#once(peer, request, async () => {
      const removal = new Removal(this.#queue);
      const answer = await this.#each(
        request.select,
        maskFor(request.select, states),
        REMOVED_MAX,
        (number) => (((1 << table.state(number)) & states) === 0 ? 0 : removal.remove(number)),
      );
      return removal.held === 0 ? answer : { ...answer, held: removal.held };
    });
    this.#onReady();
  }

  async suspend(peer: Peer, request: SuspendRequest): Promise<void> {
    const { suspension } = this.#queue;
    await this.#once(peer, request, () =>
      this.#steps(request.select, INCOMPLETE_MASK, (numbers, at) => suspension.suspend(numbers, at)),
    );
  }

  async resume(peer: Peer, request: ResumeRequest): Promise<void> {
    // Everything selected is counted, but -a means what is suspended.
    const mask = request.select.by === 'all' ? 1 << STATE.suspended : INCOMPLETE_MASK;
    const { suspension, failBudgets } = this.#queue;
    await this.#once(peer, request, async () => {
      await this.#failStops.settled();
      if (request.select.by === 'repGroup') this.#liftGroup(request.select.repGroup);
      return this.#steps(request.select, mask, (numbers, at) => {
        // Whoever lets some of a report group go on lets all of it: that which stopped it has been looked at.
        failBudgets.lift(this.#queue.templateOf(numbers[at] as number).repGroup);
        return suspension.resume(numbers, at);
      });
    });
    this.#onReady();
  }

  /** Of a group that was stopped there may be nothing left that waits. */
  #liftGroup(name: string): void {
    const repGroup = this.#queue.repGroups.find(name);
    if (repGroup !== undefined) this.#queue.failBudgets.lift(repGroup);
  }

  /** Changes runs of jobs that are alike: what comes of it is a bit a job, a few segments of them in a commit. */
  async #steps(
    select: Selector,
    mask: number,
    change: (numbers: Uint32Array, at: number) => Step,
  ): Promise<Answer> {
    const numbers = await this.#selection.numbers(select, mask);
    const slices = new Slices(this.#clock);
    let changed = 0;
    for (let at = 0; at < numbers.length; ) {
      const step = change(numbers, at);
      changed += step.changed;
      at = step.next;
      if (this.#queue.suspension.changed.size > SEGMENTS_MAX) await this.#persist.flushedOrFailing();
      await slices.pause();
    }
    this.#persist.note();
    return { changed, eligible: numbers.length };
  }

  async #kill({ select, confirmDead, ageMs }: KillRequest): Promise<Answer> {
    const nowMs = this.#clock.nowMs();
    const numbers = await this.#selection.numbers(select, maskFor(select, KILLABLE));
    const way = this.#giveWay(KILLED_MAX);
    const killed: Attempt[] = [];
    const atWork: number[] = [];
    let changed = 0;
    let eligible = 0;
    for (const [i, number] of numbers.entries()) {
      if (i > 0 && i % STEP === 0) {
        this.#desk.pushKill(killed.splice(0));
        await way.pause();
      }
      const attempt = this.#queue.attempts.byNumber(number);
      const isMeant = attempt !== undefined && (!confirmDead || attempt.lostMs > 0);
      if (isMeant ? isOld(attempt, confirmDead, ageMs, nowMs) : select.by === 'keys' && ageMs === 0)
        eligible += 1;
      if (!isMeant || !isOld(attempt, confirmDead, ageMs, nowMs)) continue;
      if (confirmDead && this.#isAtWork(attempt)) atWork.push(attempt.pid);
      else if (confirmDead) {
        if (!this.#queue.confirmDead(number, nowMs, this.#clock.random())) continue;
        this.#onLost(attempt.host);
        changed += 1;
      } else if (isHeld(this.#queue.table.state(number))) {
        this.#queue.kill(number);
        killed.push(attempt);
        changed += 1;
      }
    }
    this.#desk.pushKill(killed);
    this.#onReady();
    return { changed, eligible, ...(atWork.length > 0 ? { warnings: [atWorkText(atWork)] } : {}) };
  }

  /** @param most - records that wait for the disk, beyond which the next wait too */
  async #each(
    select: Selector,
    mask: number,
    most: number,
    change: (number: number) => number,
  ): Promise<Answer> {
    const numbers = await this.#selection.numbers(select, mask);
    const way = this.#giveWay(most);
    let changed = 0;
    for (let i = 0; i < numbers.length; i += 1) {
      changed += change(numbers[i] as number);
      if (i % STEP === STEP - 1) await way.pause();
    }
    return { changed, eligible: numbers.length };
  }

  #giveWay(changesMax: number): GivingWay {
    return new GivingWay({ queue: this.#queue, persist: this.#persist, clock: this.#clock }, changesMax);
  }

  /** Carries a request out, unless its id was seen: then the first answer is given again. */
  async #once(
    peer: Peer,
    { type, id, requestId }: { readonly type: string; readonly id: number; readonly requestId: string },
    act: () => Promise<Answer>,
  ): Promise<void> {
    const answer = await this.#answers.once(requestId, async () => {
      // What runs is ended even so: it may be what fills the disk.
      if (type !== 'kill') this.#persist.refuseIfFailing();
      const done = await act();
      await this.#persist.written();
      return done;
    });
    peer.post({ type: 'changed', id, ...answer });
  }
}

/** Another attempt beside them would run twice at once what is to run once. */
function atWorkText(pids: readonly number[]): string {
  const named = pids.slice(0, PIDS_TOLD).join(', ');
  const processes = `process${pids.length > 1 ? 'es' : ''} ${named}${pids.length > PIDS_TOLD ? ', …' : ''}`;
  const they = pids.length > 1 ? `${pids.length} of them still run` : '1 of them still runs';
  return `${they} on the manager's own host (${processes}), not confirmed dead therefore: wr kill without --confirmdead ends what runs`;
}

/** Commands that are named one by one count whatever their state (cli.md §1.7). */
function maskFor(select: Selector, mask: number): number {
  return select.by === 'keys' ? INCOMPLETE_MASK : mask;
}

function isOld(attempt: Attempt, confirmDead: boolean, ageMs: number, nowMs: number): boolean {
  if (ageMs === 0) return true;
  const since = confirmDead ? attempt.lostMs : attempt.startedMs;
  return since > 0 && nowMs - since >= ageMs;
}
