/**
 * How the manager's process ends: because it was asked to, or because something failed; and what is closed then, in the
 * reverse order of its opening.
 *
 * ```
 *             stop('SIGTERM') ──► stopped ──► a clean stop ──► end()
 *  serving ──┤
 *             fail(error) ──► told, nothing more is written ──► failed ──► end(), within a bound ──► exit code 1
 * ```
 */
import { asWrError, WrError } from '../core/errors.ts';
import { stackOf } from './defects.ts';
import type { Log } from './log.ts';

/** A disk that hangs, say, must not keep a manager that failed: what it has written is on disk or is not. */
const END_MS_MAX = 10_000;

export class Life {
  /** Resolves with the first reason to stop. */
  readonly stopped: Promise<string>;
  /** Rejects with the first failure. */
  readonly failed: Promise<never>;
  readonly stop: (reason: string) => void;
  readonly #reject: (error: unknown) => void;
  readonly #log: Pick<Log, 'error'>;
  readonly #endMsMax: number;
  #closers: (() => Promise<void> | void)[] = [];
  #halts: ((error: WrError) => void)[] = [];
  readonly #onFailed: (error: WrError) => void;
  #failure: WrError | undefined;

  /** @param onFailed - told the first failure, at once */
  constructor(log: Pick<Log, 'error'>, onFailed: (error: WrError) => void, endMsMax = END_MS_MAX) {
    this.#log = log;
    this.#onFailed = onFailed;
    this.#endMsMax = endMsMax;
    let stop: (reason: string) => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    this.stopped = new Promise((resolve) => {
      stop = resolve;
    });
    this.failed = new Promise((_, no) => {
      reject = no;
    });
    // It may be looked at later, or not at all.
    this.failed.catch(() => undefined);
    this.stop = stop;
    this.#reject = reject;
  }

  /** Why it ends, if not because it was asked to. */
  get failure(): WrError | undefined {
    return this.#failure;
  }

  /** Something is open: this closes it at the end, before all that was opened earlier. */
  onEnd(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** Called at once when something has failed, with what all that is asked of later fails with. */
  onFailure(halt: (error: WrError) => void): void {
    this.#halts.push(halt);
    if (this.#failure !== undefined) halt(ending());
  }

  /** The first failure ends it; what fails in consequence is only told. */
  readonly fail = (thrown: unknown): void => {
    const error = asWrError(thrown);
    // Whoever meant to ask something of what is being closed: that is no defect.
    if (error.cause instanceof WrError && error.cause.code === 'STOPPING') return;
    if (this.#failure !== undefined) {
      if (error !== this.#failure) this.#tellNext(error);
      return;
    }
    this.#failure = error;
    this.#onFailed(error);
    this.#reject(error);
    for (const halt of this.#halts) this.#attempt(() => halt(ending()));
  };

  /** Closes everything; after a failure what cannot be closed in time is left. */
  async end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = this.failed.catch(async () => {
      await new Promise((resolve) => {
        timer = setTimeout(resolve, this.#endMsMax);
      });
      return true;
    });
    const isLate = await Promise.race([this.#closeAll().then(() => false), late]);
    clearTimeout(timer);
    if (!isLate) return;
    this.#log.error('the manager could not close everything in time', { seconds: this.#endMsMax / 1_000 });
    // The last to be closed is what others look at.
    await this.#closers[0]?.();
  }

  #tellNext(error: WrError): void {
    if (error.code === 'STOPPING') return;
    this.#log.error('something else failed while the manager was ending', {
      error: error.message,
      stack: stackOf(error),
    });
  }

  async #closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop())
      await this.#attempt(close);
  }

  /** One that cannot be closed must not keep the others open. */
  async #attempt(act: () => Promise<void> | void): Promise<void> {
    try {
      await act();
    } catch (thrown) {
      this.#log.error('the manager could not close something', {
        error: asWrError(thrown).message,
        stack: stackOf(thrown),
      });
    }
  }
}

function ending(): WrError {
  return new WrError('STOPPING', 'the manager had to end');
}
