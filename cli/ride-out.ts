/** Waits that outlast the manager: when it goes away they connect again, as often as it takes, and ask anew. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../core/config.ts';
import { type ErrorCode, WrError } from '../core/errors.ts';
import type { Connected, Context } from './command.ts';

/** What a manager that is away, starting or stopping makes of a request; all else is not going to get better. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NO_MANAGER',
  'NO_TOKEN',
  'BAD_TOKEN',
  'DISCONNECTED',
  'TIMED_OUT',
  'STOPPING',
  'RECOVERING',
]);
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;

export interface RideOutOptions {
  /** The first connection: there is a manager to begin with. */
  readonly first: Connected;
  readonly timeoutMs: number;
  /** Ends the trying. */
  readonly signal?: AbortSignal;
}

/**
 * @param use - asks and waits on one connection; called again on the next when this one is lost
 * @throws {WrError} what cannot be waited out
 */
export async function rideOut<Result>(
  context: Pick<Context, 'connect' | 'log'>,
  config: Config,
  { first, timeoutMs, signal }: RideOutOptions,
  use: (connected: Connected) => Promise<Result>,
): Promise<Result> {
  let connected: Connected | undefined = first;
  let away = false;
  for (let delayMs = RETRY_MS_MIN; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
    try {
      if (connected === undefined) {
        connected = await context.connect(config, { timeoutMs, quiet: true });
        context.log.info('the manager answers again');
        away = false;
        delayMs = RETRY_MS_MIN;
      }
      return await use(connected);
    } catch (thrown) {
      if (!(thrown instanceof WrError) || !PASSING.has(thrown.code) || signal?.aborted) throw thrown;
      if (!away)
        context.log.warn(`the manager is away (${thrown.message}); waiting for it, whatever runs goes on`);
      away = true;
      connected?.link.close();
      connected = undefined;
    }
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  }
}
