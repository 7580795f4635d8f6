/** Clients that wait for one job to be over: told once its end is on disk, without polling. */

import type { PageReply } from '../core/client-replies.ts';
import type { SettleRequest } from '../core/client-requests.ts';
import { decodeFrame } from '../core/codec.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { ALL_STATES, isLive, STATE } from '../core/states.ts';
import type { StatusJob } from '../core/status-job.ts';
import type { Clock } from './clock.ts';
import type { Peer } from './peer.ts';
import type { Selection } from './selection.ts';
import type { Tasks } from './tasks.ts';

interface Waiter {
  readonly peer: Peer;
  readonly request: SettleRequest;
}

export class Settling {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #selection: Selection;
  readonly #clock: Clock;
  readonly #flushed: () => Promise<void>;
  readonly #waiters = new Map<number, Waiter[]>();
  /** The jobs that a client waits for: with many `--sync` clients the end of one must not look at all the others' waits. */
  readonly #byPeer = new Map<Peer, Set<number>>();

  /** @param flushed - resolves when what has changed so far is on disk */
  constructor(
    queue: JobQueue,
    tasks: Tasks,
    selection: Selection,
    clock: Clock,
    flushed: () => Promise<void>,
  ) {
    this.#flushed = flushed;
    this.#queue = queue;
    this.#tasks = tasks;
    this.#selection = selection;
    this.#clock = clock;
  }

  async wait(peer: Peer, request: SettleRequest): Promise<void> {
    const scope = await this.#selection.scope({ by: 'keys', keys: request.key }, ALL_STATES);
    const number = scope.numbers?.[0];
    if (number === undefined) {
      peer.post({ type: 'settled', id: request.id, job: null });
      return;
    }
    // It may be over and not yet written as such: then what is read of it would still be from before.
    if (!this.#isLive(number)) await this.#flushed();
    if (!this.#isLive(number)) return this.#tell(number, { peer, request });
    if (!peer.open) return; // It left meanwhile, and is not going to leave again.
    const waiters = this.#waiters.get(number);
    if (waiters === undefined) this.#waiters.set(number, [{ peer, request }]);
    else waiters.push({ peer, request });
    const numbers = this.#byPeer.get(peer);
    if (numbers === undefined) this.#byPeer.set(peer, new Set([number]));
    else numbers.add(number);
  }

  #isLive(number: number): boolean {
    const state = this.#queue.table.state(number);
    return isLive(state) && state !== STATE.buried;
  }

  /** These jobs were written as complete, buried or removed. */
  settled(numbers: readonly number[]): void {
    if (this.#waiters.size === 0) return;
    for (const number of numbers) {
      const waiters = this.#waiters.get(number) ?? [];
      this.#waiters.delete(number);
      for (const waiter of waiters) {
        this.#forget(waiter.peer, number);
        void this.#tell(number, waiter).catch((error: unknown) => refuse(waiter, error));
      }
    }
  }

  #forget(peer: Peer, number: number): void {
    const numbers = this.#byPeer.get(peer);
    numbers?.delete(number);
    if (numbers?.size === 0) this.#byPeer.delete(peer);
  }

  closed(peer: Peer): void {
    for (const number of this.#byPeer.get(peer) ?? []) {
      const left = (this.#waiters.get(number) ?? []).filter((waiter) => waiter.peer !== peer);
      if (left.length === 0) this.#waiters.delete(number);
      else this.#waiters.set(number, left);
    }
    this.#byPeer.delete(peer);
  }

  async #tell(number: number, { peer, request }: Waiter): Promise<void> {
    const job = await this.#read(number);
    peer.post({ type: 'settled', id: request.id, job });
  }

  async #read(number: number): Promise<StatusJob | null> {
    const result = await this.#tasks.page({
      scope: { repGroups: null, numbers: Uint32Array.of(number), mask: ALL_STATES },
      table: this.#queue.table.snapshot(),
      id: 0,
      output: 'jobs',
      limit: 0,
      env: false,
      host: '',
      nowMs: this.#clock.nowMs(),
      cursor: { phase: 0, number: 0, shown: 0 },
      complete: 0,
    });
    const [page] = decodeFrame<PageReply>(result.frame);
    return page?.jobs[0] ?? null;
  }
}

/** Without a word it would wait for ever. */
function refuse({ peer, request: { id } }: Waiter, thrown: unknown): void {
  const { code, message } = asWrError(thrown);
  peer.post({ type: 'error', id, code, message, retryable: false });
}
