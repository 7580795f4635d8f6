/** One connection of a client or runner, as the manager's parts know it. */
import type { Reply } from '../core/protocol.ts';
import type { Clock } from './clock.ts';

/** What comes in many messages is held back while the peer has so much to read. */
const BUFFER_BYTES = 4 * 1024 * 1024;
const BUFFER_POLL_MS = 5;

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

/** Resolves when the peer has read nearly all that it was sent, or has left. */
export async function drained(peer: Peer, clock: Clock): Promise<void> {
  while (peer.open && peer.bufferedBytes > BUFFER_BYTES)
    await new Promise<void>((resolve) => void clock.after(BUFFER_POLL_MS, resolve));
}
