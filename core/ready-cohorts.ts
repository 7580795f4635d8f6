/**
 * The ready jobs of a scheduler group: those of its cohorts (cohorts.ts), served as one queue, by priority and then by order
 * of adding. A cohort joins and leaves as a whole, however many jobs it has.
 *
 * A heap of the cohorts with ready jobs, by their best entry. Entries may be stale, and then name a better job than there
 * is, never a worse one: what comes up is looked at once more before it is taken.
 */
import type { ReadyGroup } from './ready-queue.ts';

/** What the heap keeps of a member. */
export interface Queued {
  readonly ready: ReadyGroup;
  /** Its place in the heap; −1: not in it. */
  at: number;
  priority: number;
  head: number;
}

export type IsReady<Member> = (number: number, priority: number, of: Member) => boolean;

export class ReadyCohorts<Member extends Queued> {
  readonly #heap: Member[] = [];
  /** Of all members. */
  ready = 0;

  /** The highest priority of a ready job; −1 without any. */
  get priority(): number {
    return this.#heap[0]?.priority ?? -1;
  }

  /** Takes in a cohort with all of its ready jobs. */
  join(member: Member): void {
    this.ready += member.ready.ready;
    this.#fix(member);
  }

  leave(member: Member): void {
    this.ready -= member.ready.ready;
    this.#remove(member);
  }

  /** Consecutive numbers of a member have become ready. */
  push(member: Member, priority: number, first: number, count: number): void {
    this.ready += count;
    member.ready.push(priority, first, count);
    this.#fix(member);
  }

  /** One became ready again, at its old place. */
  giveBack(member: Member, priority: number, number: number): void {
    this.ready += 1;
    member.ready.giveBack(priority, number);
    this.#fix(member);
  }

  /** One left the ready state without being popped. */
  left(member: Member, priority: number): void {
    this.ready -= 1;
    member.ready.left(priority);
    this.#fix(member);
  }

  /** Consecutive ones left the ready state without being popped. */
  leftRun(member: Member, priority: number, first: number, count: number): void {
    this.ready -= count;
    member.ready.leftRun(priority, first, count);
    this.#fix(member);
  }

  /** Consecutive ones became ready again, at their old place. */
  giveBackRun(member: Member, priority: number, first: number, count: number): void {
    this.ready += count;
    member.ready.giveBackRun(priority, first, count);
    this.#fix(member);
  }

  /** Takes the best ready number, or 0. */
  pop(isReady: IsReady<Member>): number {
    for (let best = this.#heap[0]; best !== undefined; best = this.#heap[0]) {
      const number = this.#peek(best, isReady);
      if (this.#heap[0] !== best) continue; // Its first entries were stale, and another one comes before it.
      if (number === 0) return 0;
      this.#take(best);
      return number;
    }
    return 0;
  }

  /** Takes the best ready number of one member, or 0. */
  popOf(member: Member, isReady: IsReady<Member>): number {
    const number = this.#peek(member, isReady);
    if (number !== 0) this.#take(member);
    return number;
  }

  #peek(member: Member, isReady: IsReady<Member>): number {
    const number = member.ready.peek((candidate, priority) => isReady(candidate, priority, member));
    if (number !== member.head) this.#fix(member);
    return number;
  }

  #take(member: Member): void {
    this.ready -= 1;
    member.ready.take();
    this.#fix(member);
  }

  /** Puts a member where it belongs now. */
  #fix(member: Member): void {
    if (member.ready.ready === 0) {
      this.#remove(member);
      return;
    }
    member.priority = member.ready.priority;
    member.head = member.ready.head;
    if (member.at < 0) {
      member.at = this.#heap.length;
      this.#heap.push(member);
    }
    this.#sift(member);
  }

  #remove(member: Member): void {
    const { at } = member;
    if (at < 0) return;
    member.at = -1;
    const last = this.#heap.pop() as Member;
    if (last === member) return;
    last.at = at;
    this.#heap[at] = last;
    this.#sift(last);
  }

  #sift(member: Member): void {
    const heap = this.#heap;
    let { at } = member;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1] as Member;
      if (!isBefore(member, parent)) break;
      this.#put(parent, at);
      at = (at - 1) >> 1;
    }
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Member, heap[child] as Member)) child += 1;
      if (!isBefore(heap[child] as Member, member)) break;
      this.#put(heap[child] as Member, at);
      at = child;
    }
    this.#put(member, at);
  }

  #put(member: Member, at: number): void {
    this.#heap[at] = member;
    member.at = at;
  }
}

function isBefore(a: Queued, b: Queued): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.head < b.head);
}
