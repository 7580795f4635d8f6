/** Bytes that are put together and grow by doubling. */
const CAPACITY_MIN = 1_024;

export class GrowingBytes {
  /** Their buffer is theirs alone, and another one once they have grown. */
  bytes: Buffer<ArrayBuffer>;
  /** Bytes in use. */
  length = 0;

  constructor(capacity = CAPACITY_MIN) {
    this.bytes = Buffer.from(new ArrayBuffer(capacity));
  }

  /** Adds bytes at the end. */
  append(bytes: Uint8Array, from: number, to: number): void {
    if (this.length + to - from > this.bytes.length) this.makeRoom(to - from);
    const target = this.bytes;
    let at = this.length;
    for (let i = from; i < to; i += 1) target[at++] = bytes[i] as number;
    this.length = at;
  }

  appendByte(byte: number): void {
    if (this.length === this.bytes.length) this.makeRoom(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** Adds a text as UTF-8. */
  appendText(text: string): void {
    if (text === '') return;
    this.makeRoom(3 * text.length);
    this.length += this.bytes.write(text, this.length);
  }

  makeRoom(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bytes = Buffer.from(new ArrayBuffer(2 * (this.length + more)));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
  }
}
