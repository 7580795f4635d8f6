/**
 * MD5 (RFC 1321) over bytes in place, for what is hashed by the million: keys of commands, names of dependency groups.
 *
 * Node's own costs about 300 ns a call before it has hashed anything, and a string or a buffer each for what goes in and
 * what comes out; an everyday command is one block, which takes 120 ns here and makes no garbage. Longer texts go to Node's,
 * which is faster a byte (docs/decisions/0004-keys.md).
 */
import { hash } from 'node:crypto';
import { GrowingBytes } from './growing-bytes.ts';

/** Words of a digest. */
export const DIGEST_WORDS = 4;
const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;
/** The end mark and the length, which follow the text. */
const TAIL_BYTES = 9;
/** From here on Node's own is faster. */
const OWN_BYTES_MAX = 384;
/** MD5 counts in little-endian words: as the machine does, or else Node is to do it. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** A text that is put together and hashed in one place, again and again. */
export class Md5Text extends GrowingBytes {
  #words = new Int32Array(this.bytes.buffer);

  /** Writes the digest of the text, four words, and begins an empty one. */
  take(digests: Uint32Array, at: number): void {
    const { length } = this;
    if (length > OWN_BYTES_MAX || !IS_LITTLE_ENDIAN) {
      const digest = new Uint8Array(hash('md5', this.bytes.subarray(0, length), 'buffer'));
      digests.set(new Uint32Array(digest.buffer), at);
    } else {
      digests[at] = 0x67452301;
      digests[at + 1] = 0xefcdab89;
      digests[at + 2] = 0x98badcfe;
      digests[at + 3] = 0x10325476;
      const end = this.#close(length);
      for (let from = 0; from < end; from += BLOCK_WORDS) digestBlock(this.#words, from, digests, at);
    }
    this.length = 0;
  }

  /** Writes what follows a text in its last block. @returns words up to its end */
  #close(length: number): number {
    this.makeRoom(BLOCK_BYTES + TAIL_BYTES);
    if (this.#words.buffer !== this.bytes.buffer) this.#words = new Int32Array(this.bytes.buffer);
    const end = Math.ceil((length + TAIL_BYTES) / BLOCK_BYTES) * BLOCK_WORDS;
    this.bytes[length] = 0x80;
    const full = (length + 4) & ~3;
    for (let at = length + 1; at < full; at += 1) this.bytes[at] = 0;
    for (let at = full >>> 2; at < end; at += 1) this.#words[at] = 0;
    this.#words[end - 2] = length * 8;
    return end;
  }
}

/** One block into a digest. Written out, as a loop over tables takes twice as long. */
function digestBlock(words: Int32Array, from: number, digest: Uint32Array, at: number): void {
  const x0 = words[from] as number;
  const x1 = words[from + 1] as number;
  const x2 = words[from + 2] as number;
  const x3 = words[from + 3] as number;
  const x4 = words[from + 4] as number;
  const x5 = words[from + 5] as number;
  const x6 = words[from + 6] as number;
  const x7 = words[from + 7] as number;
  const x8 = words[from + 8] as number;
  const x9 = words[from + 9] as number;
  const xa = words[from + 10] as number;
  const xb = words[from + 11] as number;
  const xc = words[from + 12] as number;
  const xd = words[from + 13] as number;
  const xe = words[from + 14] as number;
  const xf = words[from + 15] as number;
  let a = (digest[at] as number) | 0;
  let b = (digest[at + 1] as number) | 0;
  let c = (digest[at + 2] as number) | 0;
  let d = (digest[at + 3] as number) | 0;
  // Round 1.
  a = (a + (d ^ (b & (c ^ d))) + x0 - 0x28955b88) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x1 - 0x173848aa) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x2 + 0x242070db) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x3 - 0x3e423112) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x4 - 0x0a83f051) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x5 + 0x4787c62a) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x6 - 0x57cfb9ed) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x7 - 0x02b96aff) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x8 + 0x698098d8) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x9 - 0x74bb0851) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + xa - 0x0000a44f) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + xb - 0x76a32842) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + xc + 0x6b901122) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + xd - 0x02678e6d) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + xe - 0x5986bc72) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + xf + 0x49b40821) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  // Round 2.
  a = (a + (c ^ (d & (b ^ c))) + x1 - 0x09e1da9e) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x6 - 0x3fbf4cc0) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + xb + 0x265e5a51) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x0 - 0x16493856) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x5 - 0x29d0efa3) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + xa + 0x02441453) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + xf - 0x275e197f) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x4 - 0x182c0438) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x9 + 0x21e1cde6) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + xe - 0x3cc8f82a) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x3 - 0x0b2af279) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x8 + 0x455a14ed) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + xd - 0x561c16fb) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x2 - 0x03105c08) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x7 + 0x676f02d9) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + xc - 0x72d5b376) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  // Round 3.
  a = (a + (b ^ c ^ d) + x5 - 0x0005c6be) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x8 - 0x788e097f) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + xb + 0x6d9d6122) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + xe - 0x021ac7f4) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x1 - 0x5b4115bc) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x4 + 0x4bdecfa9) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x7 - 0x0944b4a0) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + xa - 0x41404390) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + xd + 0x289b7ec6) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x0 - 0x155ed806) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x3 - 0x2b10cf7b) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x6 + 0x04881d05) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x9 - 0x262b2fc7) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + xc - 0x1924661b) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + xf + 0x1fa27cf8) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x2 - 0x3b53a99b) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  // Round 4.
  a = (a + (c ^ (b | ~d)) + x0 - 0x0bd6ddbc) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x7 + 0x432aff97) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + xe - 0x546bdc59) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x5 - 0x036c5fc7) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + xc + 0x655b59c3) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x3 - 0x70f3336e) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + xa - 0x00100b83) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x1 - 0x7a7ba22f) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x8 + 0x6fa87e4f) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + xf - 0x01d31920) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x6 - 0x5cfebcec) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + xd + 0x4e0811a1) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x4 - 0x08ac817e) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + xb - 0x42c50dcb) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x2 + 0x2ad7d2bb) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x9 - 0x14792c6f) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;

  digest[at] = (digest[at] as number) + a;
  digest[at + 1] = (digest[at + 1] as number) + b;
  digest[at + 2] = (digest[at + 2] as number) + c;
  digest[at + 3] = (digest[at + 3] as number) + d;
}
