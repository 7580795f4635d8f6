/** The deltas of a frame's commands as segments hold them: JSON, one text after the other, and their lengths in bytes. */
import { GrowingBytes } from '../core/growing-bytes.ts';
import { GrowingWords } from '../core/growing-words.ts';
import type { PackedDeltas } from '../core/segment-pack.ts';

const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

export class DeltaColumn {
  /** By command; 0: it has none. */
  readonly #lengths: GrowingWords;
  /** Up to {@link close} the last of them is being written. */
  readonly text: GrowingBytes;
  /** Where that one begins. */
  #from = 0;

  /**
   * @param commands - that it begins with room for
   * @param bytes - that it begins with room for
   */
  constructor(commands: number, bytes: number) {
    this.#lengths = new GrowingWords(commands);
    this.text = new GrowingBytes(bytes);
  }

  /** Begins a member. @param name - with its quotes and colon, and what the value begins with */
  member(name: Uint8Array): void {
    this.text.appendByte(this.text.length === this.#from ? OPEN : COMMA);
    this.text.append(name, 0, name.length);
  }

  /** The members since the one before are the command's. */
  close(command: number): void {
    this.text.appendByte(CLOSE);
    this.#end(command);
  }

  set(command: number, json: string): void {
    this.text.appendText(json);
    this.#end(command);
  }

  /** Of the first `count` commands: views. */
  packed(count: number): PackedDeltas {
    this.#lengths.extend(Math.max(0, count - this.#lengths.length));
    return {
      bytes: this.text.bytes.subarray(0, this.#from),
      lengths: this.#lengths.words.subarray(0, count),
    };
  }

  #end(command: number): void {
    this.#lengths.extend(command + 1 - this.#lengths.length);
    this.#lengths.words[command] = this.text.length - this.#from;
    this.#from = this.text.length;
  }
}
