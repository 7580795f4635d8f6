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

/** Header of bytes of any length: its type, then the length, big-endian. */
const BIN32 = 0xc6;
const BIN32_BYTES = 5;
/** A map of up to 15 members begins with this and their number. */
const SMALL_MAP = 0x80;
const SMALL_MAP_MEMBERS = 15;

/**
 * The frame of a message that is mostly bytes, which are copied once, into memory that may be moved to another thread.
 * @param message - without the member `name`; fewer than 15 members
 * @param bytes - the value of that member
 */
export function encodeFrameAround(message: object, name: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const members = Object.keys(message).length + 1;
  if (members > SMALL_MAP_MEMBERS) throw new RangeError(`a message of ${members} members`);
  const others = packr.pack(message);
  const key = packr.pack(name);
  const at = others.length + key.length;
  const frame = new Uint8Array(at + BIN32_BYTES + bytes.length);
  frame.set(others);
  frame[0] = SMALL_MAP | members;
  frame.set(key, others.length);
  frame[at] = BIN32;
  new DataView(frame.buffer).setUint32(at + 1, bytes.length);
  frame.set(bytes, at + BIN32_BYTES);
  return frame;
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
