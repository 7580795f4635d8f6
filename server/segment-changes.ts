/**
 * What `wr mod` changes of a segment goes to disk in one piece: the options, keys and commands of its jobs, and what these wait for. Were
 * one on disk without the other when the manager dies, jobs would be shown as waiting for what they do not wait for.
 */
import type { JobQueue } from '../core/job-queue.ts';
import { Overlay } from '../core/overlay.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { readOverlay } from '../store/layout.ts';
import type { Persist } from './persist.ts';
import type { LinksOf, Relinked } from './relink.ts';

export class SegmentChanges {
  readonly #of: { readonly queue: JobQueue; readonly store: KeyValueReader; readonly persist: Persist };
  readonly #links: Map<number, LinksOf>;
  readonly #undo: Relinked['undo'];
  /** Jobs that are not changed after all. */
  readonly #left = new Set<number>();
  #current: { readonly segment: number; readonly first: number; readonly overlay: Overlay } | undefined;

  constructor(
    of: { readonly queue: JobQueue; readonly store: KeyValueReader; readonly persist: Persist },
    { links, undo }: Relinked,
  ) {
    this.#of = of;
    this.#links = new Map(links);
    this.#undo = undo;
  }

  /** A job is not changed after all. */
  leave(number: number): void {
    this.#left.add(number);
    this.#undo(number);
  }

  /** Where to note what changes of a segment's jobs, one segment after the other. What was written of it last is on disk. */
  overlay({ segment, first, count }: SegmentEntry): Overlay {
    if (this.#current?.segment === segment) return this.#current.overlay;
    this.#publish();
    const { queue, store } = this.#of;
    const overlay = queue.overlays.get(segment) ?? readOverlay(store, segment) ?? new Overlay(count);
    this.#current = { segment, first, overlay };
    return overlay;
  }

  /** No more follows: what there is goes with the next commit. */
  end(): void {
    this.#publish();
    for (const linksOf of this.#links.values()) this.#of.persist.add(linksOf(this.#left));
    this.#links.clear();
  }

  #publish(): void {
    if (this.#current === undefined) return;
    const { segment, first, overlay } = this.#current;
    this.#current = undefined;
    this.#of.queue.overlays.set(segment, overlay);
    const links = this.#links.get(first);
    this.#links.delete(first);
    if (links !== undefined) this.#of.persist.add(links(this.#left));
  }
}
