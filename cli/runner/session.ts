/** A runner's connection to the manager, found again when it was lost (runner.md §3.8). */
import { WrError } from '../../core/errors.ts';
import { type Reply, TOUCH_MS } from '../../core/protocol.ts';
import type { RunnerHello } from '../../core/runner-messages.ts';
import type { ManagerLink } from '../manager-link.ts';
import type { RunnerWorld } from './runner-options.ts';

/** A manager that went away is looked for after this, then after this and up to half as much again. */
export const RECONNECT_MS = 15_000;

export interface SessionEvents {
  /** Who we are and what we hold, at this moment. */
  hello(): Omit<RunnerHello, 'type' | 'id'>;
  /** Attempts that are not ours any more. */
  welcome(superseded: readonly number[]): void;
  pushed(message: Reply): void;
  /** @returns whether to look for it */
  lost(): boolean;
  back(): void;
  /** It is still away. @returns whether to go on looking */
  goOn(): boolean;
}

export class Session {
  readonly #world: RunnerWorld;
  readonly #after: (ms: number, call: () => void) => void;
  readonly #events: SessionEvents;
  #link: ManagerLink | null = null;
  #touchMs = TOUCH_MS;
  #closed = false;

  /** @param after - a timer that ends with the runner */
  constructor(world: RunnerWorld, after: (ms: number, call: () => void) => void, events: SessionEvents) {
    this.#world = world;
    this.#after = after;
    this.#events = events;
  }

  /** `null`: the manager is away. */
  get link(): ManagerLink | null {
    return this.#link;
  }

  get touchMs(): number {
    return this.#touchMs;
  }

  /** @throws {WrError} when the manager cannot be reached, or does not take us */
  async open(): Promise<void> {
    const link = await this.#world.connect();
    link.onPush = (message) => this.#events.pushed(message);
    link.onClose = () => this.#lost(link);
    try {
      const reply = await link.ask({ type: 'hello', ...this.#events.hello() });
      if (reply.type !== 'welcome') throw unexpected(reply);
      this.#link = link;
      this.#touchMs = reply.touchMs;
      this.#events.welcome(reply.superseded);
    } catch (error) {
      link.onClose = undefined;
      link.close();
      throw error;
    }
    if (!link.open) this.#lost(link);
  }

  close(): void {
    this.#closed = true;
    this.#link?.close();
  }

  #lost(link: ManagerLink): void {
    if (this.#link !== link || this.#closed) return;
    this.#link = null;
    if (!this.#events.lost()) return;
    this.#world.log('the manager went away; what runs goes on, and is reported when it is back');
    this.#after(RECONNECT_MS, () => void this.#reopen());
  }

  async #reopen(): Promise<void> {
    try {
      await this.open();
    } catch {
      if (this.#events.goOn()) {
        this.#after(RECONNECT_MS * (1 + this.#world.random() / 2), () => void this.#reopen());
      }
      return;
    }
    this.#world.log('connected to the manager again');
    this.#events.back();
  }
}

export function unexpected(reply: Reply): WrError {
  return reply.type === 'error'
    ? new WrError(reply.code, reply.message)
    : new WrError('BAD_PROTOCOL', `the manager answered with "${reply.type}"`);
}
