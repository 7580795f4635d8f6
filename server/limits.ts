/** Limits of limit groups: shown, and set, which is acknowledged once it is on disk. */

import type { LimitRequest } from '../core/client-requests.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { limitGroupWarning, parseLimitFlag, parseLimitGroup } from '../core/limit-names.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';

export class Limits {
  readonly #queue: JobQueue;
  readonly #persist: Persist;
  readonly #onChanged: () => void;

  /** @param onChanged - more, or fewer, may start now */
  constructor(queue: JobQueue, persist: Persist, onChanged: () => void) {
    this.#queue = queue;
    this.#persist = persist;
    this.#onChanged = onChanged;
  }

  /** @throws {WrError} BAD_OPTION for a name that cannot be one */
  async answer(peer: Peer, { id, group, limit }: LimitRequest): Promise<void> {
    if (limit !== null) {
      const { name } = parseLimitFlag(`${group}:${limit}`);
      await this.set(new Map([[name, limit]]));
    }
    const { limits } = this.#queue.groups;
    const shown = group === '' ? [...limits.limits()] : [{ name: group, limit: limits.limit(group) }];
    peer.post({ type: 'limits', id, limits: shown });
  }

  /** Resolves when they are on disk. They act before. @throws {WrError} STORE_FULL: none was set; NOT_DURABLE */
  async set(limits: ReadonlyMap<string, number>): Promise<void> {
    if (limits.size === 0) return;
    this.#persist.refuseIfFailing();
    for (const [name, limit] of limits) this.#queue.groups.limits.set(name, limit);
    this.#onChanged();
    await this.#persist.written();
  }
}

/** Adds the limits that options set to `limits`, later ones winning, and what is to be said of their names to `warnings`. */
export function gatherLimits(
  { limitGroups }: Pick<JobOptions, 'limitGroups'>,
  limits: Map<string, number>,
  warnings: Set<string>,
): void {
  for (const group of limitGroups) {
    const { name, limit } = parseLimitGroup(group);
    if (limit !== null) limits.set(name, limit);
    const warning = limitGroupWarning(group);
    if (warning !== null) warnings.add(warning);
  }
}
