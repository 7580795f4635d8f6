/** Frames ↔ messages. One frame holds one message, or an array of them. */
import { Packr, Unpackr } from 'msgpackr';
import { WrError } from './errors.ts';

// Plain maps rather than msgpackr's record extension: a frame is read without state from an earlier one.
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** @returns the bytes of one frame; owned by the caller */
export function encodeFrame(messages: object | readonly object[]): Uint8Array {
  return packr.pack(messages);
}

/**
 * The messages of a frame. Byte members are views of `bytes`: copy what outlives it.
 * @throws {WrError} BAD_PROTOCOL when the bytes are no frame
 */
export function decodeFrame<Message extends { readonly type: string }>(
  bytes: Uint8Array,
): readonly Message[] {
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (cause) {
    throw new WrError('BAD_PROTOCOL', 'a frame could not be decoded', { cause });
  }
  const messages = Array.isArray(value) ? value : [value];
  for (const message of messages) {
    if (typeof message !== 'object' || message === null || typeof message.type !== 'string') {
      throw new WrError('BAD_PROTOCOL', 'a frame holds something that is no message');
    }
  }
  return messages;
}
