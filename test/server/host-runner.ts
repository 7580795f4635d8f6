/** The runner of the manager's own machine, as far as the manager sees it: it takes what it is allotted, and no more. */
import type { JobOrder } from '../../core/runner-messages.ts';
import { ended } from '../core/queue-builders.ts';
import { type ManagerHarness, settle, TestPeer } from './manager-harness.ts';

export interface HeldJob {
  readonly group: string;
  readonly order: JobOrder;
  readonly cmd: string;
}

export class HostRunner {
  readonly peer = new TestPeer();
  readonly held: HeldJob[] = [];
  readonly #harness: ManagerHarness;

  private constructor(harness: ManagerHarness) {
    this.#harness = harness;
  }

  static async connect(harness: ManagerHarness, runnerId = 'host runner'): Promise<HostRunner> {
    const runner = new HostRunner(harness);
    const id = harness.nextId();
    const who = { host: 'here', ip: '127.0.0.1', pid: 1, group: null, holding: [] };
    harness.send(runner.peer, { type: 'hello', id, runnerId, ...who });
    await settle();
    return runner;
  }

  /** Commands that run, in the order in which they were taken. */
  get commands(): string[] {
    return this.held.map(({ cmd }) => cmd);
  }

  /** Slots by group, as last allotted. */
  get allotted(): Record<string, number> {
    const slots = this.peer.received.findLast(({ type }) => type === 'allot');
    return slots?.type === 'allot'
      ? Object.fromEntries(slots.slots.map(({ group, slots: count }) => [group, count]))
      : {};
  }

  /** Lets plans be made, and asks for a job for each slot that is free. */
  async fill(): Promise<void> {
    await this.#harness.clock.advance(50);
    await this.take();
  }

  /** Takes what came without being asked for. */
  accept(): void {
    for (const sent of this.peer.received.splice(0)) {
      if (sent.type !== 'jobs' || sent.id !== 0) continue;
      for (const order of sent.jobs)
        this.held.push({ group: sent.group, order, cmd: Buffer.from(order.cmd).toString() });
    }
  }

  /** Asks for a job for each slot that is free. */
  async take(): Promise<void> {
    for (const [group, slots] of Object.entries(this.allotted)) {
      const count = slots - this.held.filter((job) => job.group === group).length;
      if (count <= 0) continue;
      const { jobs } = await this.#harness.reserve(this.peer, group, count);
      for (const order of jobs) this.held.push({ group, order, cmd: Buffer.from(order.cmd).toString() });
    }
    this.#harness.check();
  }

  /** Ends a command, by default that which has run for longest. */
  async end(outcome: 'complete' | 'bury' | 'release' = 'complete', at = 0): Promise<void> {
    const [job] = this.held.splice(at, 1);
    if (job === undefined) throw new Error('nothing runs');
    const startedMs = this.#harness.clock.nowMs();
    const event = ended(job.order.attempt, outcome, { startedMs, endedMs: startedMs });
    this.#harness.send(this.peer, { type: 'report', id: this.#harness.nextId(), events: [event] });
    await settle();
    this.#harness.check();
  }
}
