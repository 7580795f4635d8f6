/** One connection of a client or runner, as the manager's parts know it. */
import type { Reply } from '../core/protocol.ts';

export interface Peer {
  readonly id: number;
  /** Sends a message with the others of this turn of the event loop, in one frame. */
  post(message: Reply): void;
  /** Sends a frame that is encoded already. */
  postFrame(frame: Uint8Array): void;
  /** Bytes the peer has not taken yet. */
  readonly bufferedBytes: number;
  readonly open: boolean;
}
