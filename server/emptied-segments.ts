/**
 * Segments all of whose jobs were removed leave the database, a few with each commit: what a user took back, and the secrets in
 * it, is not kept. Those with complete jobs stay, as history. What a crash leaves behind is taken when the database is compacted.
 */
import type { SegmentEntry } from '../core/segment-directory.ts';
import { hasDone } from '../store/history-tables.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { forgetSegmentWrites } from '../store/leftovers.ts';
import type { Persist } from './persist.ts';

/** In one commit: a segment may have a thousand pages. */
const STEP = 32;

export class EmptiedSegments {
  readonly #store: KeyValueReader;
  readonly #persist: Pick<Persist, 'add' | 'flushed'>;
  #waiting: SegmentEntry[] = [];
  #underWay = false;

  constructor(store: KeyValueReader, persist: Pick<Persist, 'add' | 'flushed'>) {
    this.#store = store;
    this.#persist = persist;
  }

  /** Nothing is left of these, on disk too. */
  take(entries: readonly SegmentEntry[]): void {
    this.#waiting.push(...entries);
    if (!this.#underWay) void this.#run();
  }

  /** What is left is taken when the database is compacted. */
  stop(): void {
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#underWay = true;
    while (this.#waiting.length > 0) {
      // From the end, where it costs nothing however many there are.
      for (const entry of this.#waiting.splice(-STEP)) {
        if (hasDone(this.#store, entry.first, entry.count)) continue;
        for (const write of forgetSegmentWrites(entry)) this.#persist.add(write);
      }
      await this.#persist.flushed();
    }
    this.#underWay = false;
  }
}
