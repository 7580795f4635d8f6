/** Watches until an end is reached, over restarts of the manager, showing how far it is. */
import type { Config } from '../core/config.ts';
import type { Selector } from '../core/selector.ts';
import type { Connected, Context } from './command.ts';
import { rideOut } from './ride-out.ts';
import type { WatchScreen } from './watch-screen.ts';
import { type Standing, standing, type Watched, watchCounts } from './watching.ts';

/** Dependants may be about to be let go, limits about to be raised: that all stands still is believed when it has lasted so long. */
const STILL_MS = 2_000;
const TICK_MS = 1_000;

export interface WatchRun {
  readonly context: Context;
  readonly config: Config;
  readonly connected: Connected;
  readonly selectors: readonly Selector[];
  readonly timeoutMs: number;
  /** Between two pushes of the manager, at least. */
  readonly everyMs: number;
  readonly screen: WatchScreen | null;
  /** Gives up after so long; 0: never. */
  readonly patienceMs: number;
  /** Called with all that is heard. */
  readonly heard?: (watched: Watched) => void;
}

export interface WatchEnd {
  readonly standing: Exclude<Standing, 'moving'> | 'timeout';
  /** `null`: the time was over before anything was known. */
  readonly watched: Watched | null;
}

export async function watchToEnd(run: WatchRun): Promise<WatchEnd> {
  const giveUp = new AbortController();
  let watched: Watched | null = null;
  const ticking = setInterval(() => run.screen?.tick(), TICK_MS);
  const ends: Promise<WatchEnd>[] = [
    rideOut(
      run.context,
      run.config,
      { first: run.connected, timeoutMs: run.timeoutMs, signal: giveUp.signal },
      ({ link }) =>
        untilEnd(
          (take) => watchCounts(link, run.selectors, run.everyMs, take),
          (latest) => {
            watched = latest;
            run.screen?.update(latest);
            run.heard?.(latest);
          },
        ),
    ),
  ];
  let timer: NodeJS.Timeout | undefined;
  if (run.patienceMs > 0) {
    ends.push(
      new Promise((resolve) => {
        timer = setTimeout(() => resolve({ standing: 'timeout', watched }), run.patienceMs);
      }),
    );
  }
  try {
    return await Promise.race(ends);
  } finally {
    clearInterval(ticking);
    clearTimeout(timer);
    giveUp.abort();
    for (const end of ends) end.catch(() => undefined);
  }
}

/** One connection's watch, up to the end of what is watched. */
async function untilEnd(
  watch: (take: (watched: Watched) => boolean) => Promise<void>,
  onUpdate: (watched: Watched) => void,
): Promise<WatchEnd> {
  let still: NodeJS.Timeout | undefined;
  let end: WatchEnd | undefined;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  try {
    const watching = watch((watched) => {
      clearTimeout(still);
      onUpdate(watched);
      const now = standing(watched);
      if (now === 'moving') return false;
      end = { standing: now, watched };
      const isOver = watched.counts.dependent === 0 && watched.counts.ready === 0;
      if (!isOver) still = setTimeout(stop, STILL_MS);
      return isOver;
    });
    await Promise.race([watching, stopped]);
  } finally {
    clearTimeout(still);
  }
  return end as WatchEnd;
}
