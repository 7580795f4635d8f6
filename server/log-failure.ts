/** What the log says of a message that could not be acted on: a defect with all that is known of it, a bad message by name. */
import { asWrError } from '../core/errors.ts';
import { stackOf } from './defects.ts';
import type { Log } from './log.ts';

/** @param type - of the message */
export function logFailure(log: Pick<Log, 'warn' | 'error'>, type: string, thrown: unknown): void {
  const { code, message } = asWrError(thrown);
  if (code === 'BAD_PROTOCOL') log.warn('a message was refused', { error: message });
  // The client hears of it, too; but who looks why an add did not come in looks here.
  if (code === 'STORE_FULL' || code === 'STORE_FAILED')
    log.error('a request failed: the database could not be written', { type, error: message, code });
  if (code !== 'INTERNAL' && code !== 'WORKER_FAILED') return;
  log.error('a request failed', { type, error: message, stack: stackOf(thrown) });
}
