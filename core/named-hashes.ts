/** Dependency groups by the MD5 of their name, each with an index: without a string for any of them. */
import { GrowingWords } from './growing-words.ts';
import { DIGEST_WORDS, Md5Text } from './md5.ts';

const SLOTS_MIN = 64;
const FILL_MAX = 0.5;
/** Names that were asked for last: in a chain of jobs each name stands twice, in lines that follow each other. */
const RECENT = 4;
const RECENT_WORDS = 3;

export class NamedHashes {
  readonly #hashes = new GrowingWords();
  /** Open addressing: an index and one, 0 where the slot is empty. */
  #slots = new Uint32Array(SLOTS_MIN);
  readonly #text = new Md5Text();
  readonly #digest = new Uint32Array(DIGEST_WORDS);
  /** Where the recent names stand in `#recentBytes`, and their indexes: a ring. */
  readonly #recent = new Uint32Array(RECENT * RECENT_WORDS);
  #recentAt = 0;
  #recentBytes: Uint8Array | null = null;

  get size(): number {
    return this.#hashes.length / DIGEST_WORDS;
  }

  /** Four words each, by index. */
  take(): Uint32Array<ArrayBuffer> {
    return this.#hashes.take();
  }

  /** The index of the group whose name stands in these bytes, which are not to change from one call to the next. */
  indexOfName(bytes: Uint8Array, from: number, to: number): number {
    const known = this.#findRecent(bytes, from, to);
    if (known >= 0) return known;
    this.#text.append(bytes, from, to);
    this.#text.take(this.#digest, 0);
    const index = this.indexOf(this.#digest, 0);
    this.#recent[this.#recentAt] = from;
    this.#recent[this.#recentAt + 1] = to;
    this.#recent[this.#recentAt + 2] = index;
    this.#recentAt = (this.#recentAt + RECENT_WORDS) % this.#recent.length;
    return index;
  }

  indexOfText(name: string): number {
    this.#text.appendText(name);
    this.#text.take(this.#digest, 0);
    return this.indexOf(this.#digest, 0);
  }

  /** The index of a group by its hash: the four words from `at` on. */
  indexOf(digest: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    let slot = (digest[at] as number) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] as number) - 1;
      if (this.#has(index, digest, at)) return index;
    }
    const index = this.size;
    const to = this.#hashes.extend(DIGEST_WORDS);
    for (let i = 0; i < DIGEST_WORDS; i += 1) this.#hashes.words[to + i] = digest[at + i] as number;
    this.#slots[slot] = index + 1;
    if (this.size > FILL_MAX * this.#slots.length) this.#grow();
    return index;
  }

  #has(index: number, digest: Uint32Array, at: number): boolean {
    const { words } = this.#hashes;
    const of = index * DIGEST_WORDS;
    for (let i = 0; i < DIGEST_WORDS; i += 1) if (words[of + i] !== digest[at + i]) return false;
    return true;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 4);
    const mask = slots.length - 1;
    for (let index = 0; index < this.size; index += 1) {
      let slot = (this.#hashes.words[index * DIGEST_WORDS] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
    this.#slots = slots;
  }

  /** @returns −1: it is none of them */
  #findRecent(bytes: Uint8Array, from: number, to: number): number {
    if (bytes !== this.#recentBytes) {
      this.#recentBytes = bytes;
      this.#recent.fill(0);
    }
    for (let at = 0; at < this.#recent.length; at += RECENT_WORDS) {
      const other = this.#recent[at] as number;
      if (isSame(bytes, from, to, other, this.#recent[at + 1] as number))
        return this.#recent[at + 2] as number;
    }
    return -1;
  }
}

/** Compared from the end, where numbered names differ. */
function isSame(bytes: Uint8Array, from: number, to: number, otherFrom: number, otherTo: number): boolean {
  if (to - from !== otherTo - otherFrom || otherTo === 0) return false;
  for (let a = to - 1, b = otherTo - 1; a >= from; a -= 1, b -= 1) if (bytes[a] !== bytes[b]) return false;
  return true;
}
