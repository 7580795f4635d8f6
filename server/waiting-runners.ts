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

/** Who waits for a group, in order of coming. */
interface Line {
  readonly entries: Entry[];
  /** Of those before it nobody waits any more. */
  first: number;
}

export class WaitingRunners {
  readonly #clock: Clock;
  readonly #onTimeout: (waiter: Waiter) => void;
  readonly #byGroup = new Map<SchedulerGroup, Line>();
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
    const line = this.#byGroup.get(waiter.group);
    if (line === undefined) this.#byGroup.set(waiter.group, { entries: [entry], first: 0 });
    else line.entries.push(entry);
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
    const line = this.#byGroup.get(group);
    const entry = line === undefined ? undefined : firstOf(line);
    if (entry !== undefined) this.#end(entry);
    this.#cut(group);
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

  /** Forgets those in front who wait no more: once they are half of the line, for each cut moves all of the rest. */
  #cut(group: SchedulerGroup): void {
    const line = this.#byGroup.get(group);
    if (line === undefined) return;
    if (firstOf(line) === undefined) this.#byGroup.delete(group);
    else if (2 * line.first >= line.entries.length) line.entries.splice(0, line.first);
    else return;
    line.first = 0;
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
    // Waits end nearly in the order they began: what is over stands in front.
    for (const group of this.#byGroup.keys()) this.#cut(group);
    this.#ticking = this.#ends.size > 0;
    if (this.#ticking) this.#clock.after(TICK_MS, () => this.#tick());
  }
}

/** The one that has waited longest. */
function firstOf(line: Line): Entry | undefined {
  while (line.entries[line.first]?.waiting === false) line.first += 1;
  return line.entries[line.first];
}
