/**
 * Copies of the database: one where a user asks for it, and others made by themselves while it changes (manager.md §9): in the background, one at a time, and so far
 * apart that they take a small part of the disk's time, however large it is.
 */
import { isAbsolute } from 'node:path';
import { asWrError, WrError } from '../core/errors.ts';
import type { BackupRequest } from '../core/protocol-control.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Peer } from './peer.ts';

const GAP_MS_MIN = 30_000;
/** The time from one copy to the next, in times of what a copy takes. */
const GAP_FACTOR = 10;

export interface BackupsOptions {
  readonly store: Pick<KeyValueStore, 'backup'>;
  /** Where to; `null`: none are made. */
  readonly path: string | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Rises whenever something was written. */
  readonly version: () => number;
}

export class Backups {
  readonly #options: BackupsOptions;
  #nextMs: number;
  #saved: number;
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#nextMs = options.clock.monotonicMs() + GAP_MS_MIN;
    this.#saved = options.version();
  }

  /** A copy that a user asked for. @throws {WrError} BAD_INPUT, STORE_FULL, STORE_FAILED: whatever was at the path is still there */
  async answer(peer: Peer, { id, path }: BackupRequest): Promise<void> {
    if (!isAbsolute(path)) throw new WrError('BAD_INPUT', `a backup needs a whole path, not ${path}`);
    await this.#options.store.backup(path);
    this.#options.log.info('the database was backed up', { file: path });
    peer.post({ type: 'backedUp', id });
  }

  /** Called often. */
  tick(): void {
    if (this.#running !== undefined || this.#options.clock.monotonicMs() < this.#nextMs) return;
    if (this.#isDue()) this.#running = this.#make();
  }

  /** At a stop: what is under way is waited for, and what has changed since is saved. */
  async finish(): Promise<void> {
    await this.#running;
    if (this.#isDue()) await this.#make();
  }

  #isDue(): boolean {
    return this.#options.path !== null && this.#options.version() !== this.#saved;
  }

  async #make(): Promise<void> {
    const { store, path, clock, log, version } = this.#options;
    if (path === null) return;
    const startedMs = clock.monotonicMs();
    const saved = version();
    try {
      await store.backup(path);
      this.#saved = saved;
      if (this.#failing) log.info('the database can be backed up again', { file: path });
      this.#failing = false;
    } catch (thrown) {
      const { code, message } = asWrError(thrown);
      // Once: it is tried again and again.
      if (!this.#failing)
        log.error('the database could not be backed up; trying again', { code, error: message });
      this.#failing = true;
    }
    const tookMs = clock.monotonicMs() - startedMs;
    this.#nextMs = clock.monotonicMs() + Math.max(GAP_MS_MIN, GAP_FACTOR * tookMs);
    this.#running = undefined;
  }
}
