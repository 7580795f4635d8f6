/** Reservations that wait for a job of their group: in order of coming, each until its time is over. */
import type { ReserveRequest } from '../core/runner-messages.ts';
import type { SchedulerGroup } from '../core/scheduler-groups.ts';
import type { Clock } from './clock.ts';
import type { Peer } from './peer.ts';

/** Ends of waits are looked at so often: ten thousand runners must not cost ten thousand timers. */
const TICK_MS = 100;

export interface Waiter {
  readonly peer: Peer;
  readonly request: ReserveRequest;
  readonly group: SchedulerGroup;
}

interface Entry extends Waiter {
  waiting: boolean;
}

export class WaitingRunners {
  readonly #clock: Clock;
  readonly #onTimeout: (waiter: Waiter) => void;
  readonly #byGroup = new Map<SchedulerGroup, Entry[]>();
  readonly #byPeer = new Map<Peer, Set<Entry>>();
  /** Entries by the tick their wait ends at. */
  readonly #ends = new Map<number, Entry[]>();
  #nextTick = 0;
  #ticking = false;

  constructor(clock: Clock, onTimeout: (waiter: Waiter) => void) {
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  add(waiter: Waiter): void {
    const entry: Entry = { ...waiter, waiting: true };
    const queue = this.#byGroup.get(waiter.group);
    if (queue === undefined) this.#byGroup.set(waiter.group, [entry]);
    else queue.push(entry);
    const own = this.#byPeer.get(waiter.peer);
    if (own === undefined) this.#byPeer.set(waiter.peer, new Set([entry]));
    else own.add(entry);
    const tick = Math.ceil((this.#clock.monotonicMs() + waiter.request.waitMs) / TICK_MS);
    const ends = this.#ends.get(tick);
    if (ends === undefined) this.#ends.set(tick, [entry]);
    else ends.push(entry);
    this.#startTicking();
  }

  has(group: SchedulerGroup): boolean {
    return this.#byGroup.has(group);
  }

  /** Groups someone waits for. */
  groups(): SchedulerGroup[] {
    return [...this.#byGroup.keys()];
  }

  /** The one that has waited longest, if any. */
  take(group: SchedulerGroup): Waiter | undefined {
    const queue = this.#byGroup.get(group) ?? [];
    // The queue is cut once, not shifted at each step: it may be long.
    let at = 0;
    while (at < queue.length && !(queue[at] as Entry).waiting) at += 1;
    const entry = queue[at];
    if (at + 1 >= queue.length) this.#byGroup.delete(group);
    else queue.splice(0, at + 1);
    if (entry !== undefined) this.#end(entry);
    return entry;
  }

  drop(peer: Peer): void {
    for (const entry of [...(this.#byPeer.get(peer) ?? [])]) this.#end(entry);
  }

  /** Ends every wait. */
  dismiss(tell: (waiter: Waiter) => void): void {
    for (const entries of [...this.#byPeer.values()]) {
      for (const entry of [...entries]) {
        this.#end(entry);
        tell(entry);
      }
    }
    this.#byGroup.clear();
  }

  #end(entry: Entry): void {
    entry.waiting = false;
    const own = this.#byPeer.get(entry.peer);
    own?.delete(entry);
    if (own?.size === 0) this.#byPeer.delete(entry.peer);
  }

  /** Waits end nearly in the order they began: what is over stands in front. */
  #trim(): void {
    for (const [group, queue] of this.#byGroup) {
      const first = queue.findIndex((entry) => entry.waiting);
      if (first < 0) this.#byGroup.delete(group);
      else if (first > 0) queue.splice(0, first);
    }
  }

  #startTicking(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#nextTick = Math.floor(this.#clock.monotonicMs() / TICK_MS);
    this.#clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const until = Math.floor(this.#clock.monotonicMs() / TICK_MS);
    for (; this.#nextTick <= until; this.#nextTick += 1) {
      const ends = this.#ends.get(this.#nextTick) ?? [];
      this.#ends.delete(this.#nextTick);
      for (const entry of ends) {
        if (!entry.waiting) continue;
        this.#end(entry);
        this.#onTimeout(entry);
      }
    }
    this.#trim();
    this.#ticking = this.#ends.size > 0;
    if (this.#ticking) this.#clock.after(TICK_MS, () => this.#tick());
  }
}
