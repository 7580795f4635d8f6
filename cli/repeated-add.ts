import { WrError } from '../core/errors.ts';
import type { Connected } from './command.ts';
import type { Log } from './log.ts';

/** How often an add is sent again after the connection was lost. */
const REPEATS_MAX = 3;

export interface RepeatedAdd<Answer> {
  /** Sends it whole, always under the same request id: it takes effect once. */
  send(connected: Connected): Promise<Answer>;
  reconnect(): Promise<Connected>;
  /** Back to the beginning of the input; false when that is not possible any more. */
  rewind(): boolean;
  readonly log: Log;
}

/** Sends an add, and again when the connection is lost on the way. */
export async function repeatedAdd<Answer>(connected: Connected, add: RepeatedAdd<Answer>): Promise<Answer> {
  for (let repeat = 0; ; repeat += 1) {
    try {
      return await add.send(connected);
    } catch (thrown) {
      const lost = thrown instanceof WrError && thrown.code === 'DISCONNECTED';
      if (!lost || repeat === REPEATS_MAX || !add.rewind()) throw thrown;
      add.log.warn('the connection to the manager was lost; adding again, which adds nothing twice');
      connected = await add.reconnect();
    }
  }
}
