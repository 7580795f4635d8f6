/** Where a watch is shown: drawn anew in place on a terminal, as lines elsewhere. */

import { barLines, logLine, type WatchView } from './output/watch-view.ts';
import { ProgressRate } from './progress-rate.ts';
import { unfinished, type Watched } from './watching.ts';

export interface ScreenOptions {
  readonly write: (text: string) => void;
  readonly terminal: boolean;
  /** Of the terminal; a longer line would break, and could not be drawn over. */
  readonly columns: number;
  /** Complete jobs of earlier are not progress: they are left out when all that is queued is watched. */
  readonly sinceNow: boolean;
  /** ms of any clock that only rises */
  readonly now: () => number;
  /** Elsewhere than on a terminal, a line at most so often. */
  readonly lineEveryMs: number;
}

export class WatchScreen {
  readonly #options: ScreenOptions;
  readonly #rate = new ProgressRate();
  readonly #startMs: number;
  #completeBefore: number | undefined;
  #drawnLines = 0;
  #lineMs = Number.NEGATIVE_INFINITY;
  #latest: Watched | undefined;
  /** What the last line told of. */
  #told: Watched | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#startMs = options.now();
  }

  update(watched: Watched): void {
    const nowMs = this.#options.now();
    this.#completeBefore ??= this.#options.sinceNow ? watched.counts.complete : 0;
    this.#latest = watched;
    this.#rate.add(nowMs, this.#done(watched));
    if (this.#options.terminal) this.#draw(this.#view(watched, nowMs));
    else if (nowMs - this.#lineMs >= this.#options.lineEveryMs) this.#line(this.#view(watched, nowMs), nowMs);
  }

  /** The clock goes on although nothing changes. */
  tick(): void {
    if (this.#latest === undefined || !this.#options.terminal) return;
    this.#draw(this.#view(this.#latest, this.#options.now()));
  }

  /** How it ended up stays. */
  end(): void {
    if (this.#latest === undefined || this.#options.terminal || this.#told === this.#latest) return;
    this.#line(this.#view(this.#latest, this.#options.now()), this.#options.now());
  }

  /** Takes away what was drawn. */
  clear(): void {
    if (this.#drawnLines > 0) this.#options.write(this.#home());
    this.#drawnLines = 0;
  }

  /** Completed so far, of what this is about. */
  completed(watched: Watched): number {
    return Math.max(0, watched.counts.complete - (this.#completeBefore ?? 0));
  }

  elapsedMs(): number {
    return this.#options.now() - this.#startMs;
  }

  #done(watched: Watched): number {
    return this.completed(watched) + watched.counts.buried + watched.removed + watched.missing;
  }

  #view(watched: Watched, nowMs: number): WatchView {
    const { counts, removed, missing, mode } = watched;
    const done = this.#done(watched);
    const left = unfinished(counts);
    return {
      counts: { ...counts, complete: this.completed(watched) },
      removed: removed + missing,
      done,
      total: done + left,
      elapsedMs: nowMs - this.#startMs,
      perSecond: this.#rate.perSecond(nowMs),
      leftMs: this.#rate.leftMs(nowMs, left),
      note: mode === 'started' || mode === 'recovering' ? '' : `the manager is ${mode}`,
    };
  }

  #draw(view: WatchView): void {
    const lines = barLines(view).map((line) => line.slice(0, Math.max(1, this.#options.columns - 1)));
    this.#options.write(`${this.#home()}${lines.map((line) => `${line}\n`).join('')}`);
    this.#drawnLines = lines.length;
  }

  #line(view: WatchView, nowMs: number): void {
    this.#lineMs = nowMs;
    this.#told = this.#latest;
    this.#options.write(`${logLine(view)}\n`);
  }

  /** To where the drawing began, with nothing below. */
  #home(): string {
    return this.#drawnLines === 0 ? '' : `\u001B[${this.#drawnLines}A\r\u001B[J`;
  }
}
