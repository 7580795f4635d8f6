/** How a request that failed is answered. */
import type { WrError } from '../core/errors.ts';
import type { Reply } from '../core/protocol.ts';

export function errorReply(id: number, { code, message }: WrError): Reply {
  const retryable = code === 'RECOVERING' || code === 'STOPPING';
  return { type: 'error', id, code, message, retryable };
}
