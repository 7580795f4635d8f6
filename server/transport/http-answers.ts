/** Answers the transport gives itself, worded alike on both. */
import type { HttpResponse } from './transport.ts';

/** A body of which nothing came for so long is given up. */
export const BODY_SILENCE_MS = 30_000;

export function bodyTooLarge(bodyBytesMax: number): HttpResponse {
  return plainText(413, `the body of a request may have up to ${bodyBytesMax} bytes`);
}

/** What a client sees when a handler failed: the failure itself is the manager's to log, not a stranger's to read. */
export function failedAnswer(): HttpResponse {
  return plainText(500, 'the manager failed to answer; see its log');
}

function plainText(status: number, text: string): HttpResponse {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
  return { status, headers, body: `${text}\n` };
}
