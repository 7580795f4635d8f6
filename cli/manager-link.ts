/** What commands and the runner know of a connection to the manager; `connection.ts` is the real one. */
import type { Reply, Request } from '../core/protocol.ts';

/** A request before the link gives it its id. */
export type Ask = Request extends infer R
  ? R extends { readonly id: number }
    ? Omit<R, 'id'>
    : never
  : never;
/** A message that has no answer of its own. */
export type Tell = Request extends infer R ? (R extends { readonly id: number } ? never : R) : never;

export interface AskOptions {
  /** Without an answer for so long the request fails with TIMED_OUT; default: the link's own. */
  readonly timeoutMs?: number;
  /** Called for every answer but the last of a request that is answered in parts (pages, keys). */
  readonly onPart?: (reply: Reply) => void;
}

export interface ManagerLink {
  readonly open: boolean;
  /** Bytes not sent yet. */
  readonly bufferedBytes: number;
  /**
   * Sends a request and resolves with its last answer.
   * An answer is a part, handed to `onPart`, when its type is `addKeys`, `live`, `watched`,
   * `summaryPart`, `modProgress` or `modified`, or it is a page that is not the `last`.
   * @throws {WrError} what the manager answered, TIMED_OUT, or DISCONNECTED when the connection ends first
   */
  ask(request: Ask, options?: AskOptions): Promise<Reply>;
  /** Several requests in one frame, each with its own promise. */
  askAll(requests: readonly Ask[], options?: AskOptions): readonly Promise<Reply>[];
  tell(messages: Tell | readonly Tell[]): void;
  /** Messages that answer no request: kill, allot, leave, addCredit, addRefused. */
  onPush: ((message: Reply) => void) | undefined;
  /** Called once when the connection has ended, for whatever reason. */
  onClose: ((reason: string) => void) | undefined;
  close(): void;
}
