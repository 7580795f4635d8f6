/**
 * What nobody foresaw: exceptions that nothing catches, and failures that nobody waits for. What this process knows may be
 * half of something from then on, so it ends as after a disk that failed: nothing more is written, and the next manager goes
 * on from what is on disk (docs/decisions/0020-unforeseen-failures.md).
 */
import { fileURLToPath } from 'node:url';
import { WrError } from '../core/errors.ts';

/** Called for each from now on, wherever in this thread it comes from. What a request throws is that request's, and does not come here. */
export function listenForDefects(onDefect: (error: WrError) => void): void {
  process.on('uncaughtException', (thrown) => onDefect(asDefect('an exception that nothing caught', thrown)));
  process.on('unhandledRejection', (thrown) =>
    onDefect(asDefect('a failure that nobody waited for', thrown)),
  );
}

/** The failure as the log tells it: in which of our files, of what kind, and what was thrown as its cause. */
export function asDefect(kind: string, thrown: unknown): WrError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const place = placeOf(stackOf(thrown));
  return new WrError('INTERNAL', `${kind}${place === '' ? '' : ` in ${place}`}: ${text}`, { cause: thrown });
}

/** The frames of what was thrown first, on one line; '' when it has none. */
export function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  if (thrown.cause instanceof Error) return stackOf(thrown.cause);
  const frames = (thrown.stack ?? '').split('\n').map((frame) => frame.trim());
  return frames.filter((frame) => frame.startsWith('at ')).join('; ');
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The first of our own files in a stack, with its line. */
function placeOf(stack: string): string {
  for (const [, path = ''] of stack.matchAll(/((?:file:\/\/)?\/[^\s;()]+:\d+):\d+/g)) {
    const plain = path.replace('file://', '');
    if (plain.startsWith(ROOT) && !plain.includes('/node_modules/')) return plain.slice(ROOT.length);
  }
  return '';
}
