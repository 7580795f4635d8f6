/**
 * The wire protocol between the manager and everything that talks to it: messages as unions told apart by `type`.
 *
 * One binary websocket message is one *frame*: one msgpack-encoded message, or an array of them in order, so that a
 * batch of reports and the next request travel together. Whoever asks chooses `id` (rising per connection); every
 * answer carries it back. What changes jobs also carries a `requestId` that is unique for ever: repeating it
 * returns the first answer and changes nothing (reliability.md H14), while that is remembered: of an add for a day at least, also
 * over a restart; of other changes while the manager lives (docs/decisions/0018-how-long-answers-are-remembered.md).
 *
 * Bytes that users typed (commands, output) stay bytes: they need not be UTF-8.
 */
import type {
  AddCredit,
  AddedReply,
  AddKeys,
  AddRefused,
  ChangedReply,
  CountsReply,
  DryPagePush,
  ExplainedReply,
  JsonPageReply,
  LimitsReply,
  LiveReply,
  ManagerStatusReply,
  PageReply,
  PlainPageReply,
  SettledReply,
  ShuttingDownReply,
  SummaryPart,
  SummaryReply,
  WatchedReply,
} from './client-replies.ts';
import type { ClientRequest } from './client-requests.ts';
import type { ErrorCode } from './errors.ts';
import type { BackedUpReply, ModifiedPart, ModProgress, SteeredReply } from './protocol-control.ts';
import type {
  AllotPush,
  EnvReply,
  JobsReply,
  KillPush,
  LeavePush,
  ReportedReply,
  RunnerRequest,
  TouchedReply,
  WelcomeReply,
} from './runner-messages.ts';

/** Offered as websocket subprotocol; a peer that does not speak it is refused by name while connecting. */
export const PROTOCOL = 'wr.1';

/** The path of the client and runner websocket on the manager's port. */
export const CLIENT_PATH = '/client';

/** An upload frame larger than this stalled in a trial; a longer line travels in parts (`AddFrame.more`). */
export const ADD_FRAME_BYTES_MAX = 256 * 1024;

/** Frames of one add that may be under way: the client waits for credit beyond that. */
export const ADD_WINDOW_FRAMES = 24;

/** The longest line of a command file (cli.md §2.1). */
export const LINE_BYTES_MAX = 4 * 1024 * 1024;

/** The largest frame the manager accepts. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** The largest frame the manager sends: a page of long commands, each shown with every byte escaped. */
export const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** Pages of one listing that may be under way to a client before it asks for more. */
export const PAGE_WINDOW = 4;

export const TTR_MS = 60_000;

export const TOUCH_MS = 15_000;

export type Request = ClientRequest | RunnerRequest;

export interface ErrorReply {
  readonly type: 'error';
  readonly id: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** Asking again later may succeed. */
  readonly retryable: boolean;
}

export interface PongReply {
  readonly type: 'pong';
  readonly id: number;
}

export type Reply =
  | ErrorReply
  | PongReply
  | AddCredit
  | AddRefused
  | AddKeys
  | DryPagePush
  | AddedReply
  | CountsReply
  | SummaryPart
  | SummaryReply
  | PageReply
  | LiveReply
  | PlainPageReply
  | JsonPageReply
  | ChangedReply
  | SettledReply
  | LimitsReply
  | WatchedReply
  | ModProgress
  | ModifiedPart
  | SteeredReply
  | BackedUpReply
  | ExplainedReply
  | ManagerStatusReply
  | ShuttingDownReply
  | WelcomeReply
  | JobsReply
  | ReportedReply
  | TouchedReply
  | EnvReply
  | KillPush
  | AllotPush
  | LeavePush;
