/** The progress bar of a long add: one line on a terminal, drawn anew a few times a second. */

export interface ProgressState {
  readonly elapsedMs: number;
  readonly commands: number;
  readonly bytes: number;
  /** `null`: unknown. */
  readonly totalBytes: number | null;
  /** Of the terminal: the line is no longer. */
  readonly columns?: number;
}

/** Adds that end sooner show nothing. */
export const PROGRESS_AFTER_MS = 300;
const REDRAW_MS = 100;
const BAR_CELLS = 24;

/** One line without its end: bar, share, commands, rate and time left, as far as they are known and there is room for them. */
export function progressLine(state: ProgressState): string {
  const { elapsedMs, commands, bytes, totalBytes, columns = Number.POSITIVE_INFINITY } = state;
  const rate = elapsedMs > 0 ? (commands * 1000) / elapsedMs : 0;
  const counts = `${grouped(commands)} commands  ${grouped(Math.round(rate))}/s`;
  // A line as long as the terminal is wide would wrap on some.
  if (totalBytes === null || totalBytes === 0)
    return `Adding ${megabytes(bytes)}  ${counts}`.slice(0, columns - 1);
  const share = Math.min(1, bytes / totalBytes);
  const cells = Math.round(share * BAR_CELLS);
  const bar = `[${'#'.repeat(cells)}${'-'.repeat(BAR_CELLS - cells)}] `;
  const leftMs = share > 0 ? (elapsedMs * (1 - share)) / share : 0;
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%  `;
  const amount = `${megabytes(bytes)} of ${megabytes(totalBytes)}  `;
  const left = `  ${Math.ceil(leftMs / 1000)} s left`;
  const whole = `Adding ${bar}${percent}${amount}${counts}${left}`;
  const short = `Adding ${percent}${counts}${left}`;
  return whole.length < columns ? whole : short.slice(0, columns - 1);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** 1234567 as `1,234,567`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

export class Progress {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #totalBytes: number | null;
  readonly #columns: number;
  readonly #startMs: number;
  #drawnMs = 0;

  /**
   * @param write - to the terminal
   * @param now - ms of any clock that only rises
   * @param columns - of the terminal
   */
  constructor(
    write: (text: string) => void,
    now: () => number,
    totalBytes: number | null,
    columns = Number.POSITIVE_INFINITY,
  ) {
    this.#write = write;
    this.#now = now;
    this.#totalBytes = totalBytes;
    this.#columns = columns;
    this.#startMs = now();
  }

  update(commands: number, bytes: number): void {
    const nowMs = this.#now();
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < PROGRESS_AFTER_MS || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#write(
      `\r\u001B[K${progressLine({ elapsedMs, commands, bytes, totalBytes: this.#totalBytes, columns: this.#columns })}`,
    );
  }

  /** Takes the line away again. */
  done(): void {
    if (this.#drawnMs > 0) this.#write('\r\u001B[K');
  }
}
