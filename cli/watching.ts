/** How what a user selected stands, pushed by the manager as it changes. */
import type { StateCounts, WatchedReply } from '../core/client-replies.ts';
import { WrError } from '../core/errors.ts';
import type { Selector } from '../core/selector.ts';
import { expect } from './client.ts';
import type { ManagerLink } from './manager-link.ts';
import { addCounts, NO_COUNTS } from './output/counts.ts';

export type Watched = Omit<WatchedReply, 'type' | 'id'>;

/** Timers hold no more: a watch has no end of its own. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * @param take - called for every change; true ends the watch
 * @throws {WrError} DISCONNECTED and what else ends a connection
 */
export function watchCounts(
  link: ManagerLink,
  selectors: readonly Selector[],
  everyMs: number,
  take: (watched: Watched) => boolean,
): Promise<void> {
  const latest: (WatchedReply | undefined)[] = selectors.map(() => undefined);
  return new Promise((resolve, reject) => {
    const update = (): void => {
      const all = latest.filter((reply) => reply !== undefined);
      if (all.length === latest.length && take(together(all))) resolve();
    };
    selectors.forEach((select, i) => {
      const onPart = (reply: Parameters<typeof expect>[0]): void => {
        latest[i] = expect(reply, 'watched');
        update();
      };
      link
        .ask({ type: 'watch', select, everyMs }, { timeoutMs: FOREVER_MS, onPart })
        .then(() => reject(new WrError('BAD_PROTOCOL', 'the manager ended a watch')), reject);
    });
  });
}

/** More keys than a message holds are watched in several; their answers are one to the user. */
function together(replies: readonly WatchedReply[]): Watched {
  const sum = (of: 'removed' | 'missing'): number => replies.reduce((total, reply) => total + reply[of], 0);
  return {
    counts: replies.reduce<StateCounts>((total, { counts }) => addCounts(total, counts), NO_COUNTS),
    removed: sum('removed'),
    missing: sum('missing'),
    idle: replies.every(({ idle }) => idle),
    mode: replies[0]?.mode ?? 'started',
  };
}

/** Jobs that will run, or are running. */
export function moving({ ready, delayed, reserved, running, lost }: StateCounts): number {
  return ready + delayed + reserved + running + lost;
}

/** Jobs that are not over: those that move, and those that wait for others or for the user. */
export function unfinished(counts: StateCounts): number {
  return moving(counts) + counts.dependent + counts.suspended;
}

/**
 * - `moving`: something is still to be waited for
 * - `complete`: all of it completed
 * - `failed`: some are buried or were removed, and nothing moves
 * - `stuck`: what is left waits for something that will not come by itself
 */
export type Standing = 'moving' | 'complete' | 'failed' | 'stuck';

export function standing({ counts, removed, missing, idle }: Watched): Standing {
  const held = idle ? counts.ready : 0;
  if (moving(counts) > held || (counts.dependent > 0 && !idle)) return 'moving';
  if (counts.buried + removed + missing > 0) return 'failed';
  return unfinished(counts) > 0 ? 'stuck' : 'complete';
}
