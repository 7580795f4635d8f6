/** The keys of many commands, 16 bytes each, and which of them the manager knows. */
import { hexToKey, KEY_BYTES } from '../core/identity.ts';
import type { Selector } from '../core/selector.ts';
import type { JobState } from '../core/states.ts';
import type { Client } from './client.ts';

/** So many in one message: 4 MB, half of what a frame may hold. */
const KEYS_PER_MESSAGE = 250_000;

export interface ExistingKeys {
  /** Lines of which some key is known. */
  readonly lines: number;
  readonly selectors: readonly Selector[];
}

export class KeyList {
  #keys = new Uint8Array(64 * KEY_BYTES);
  #count = 0;
  /** The line of each key: a line may have several, as what it names may have been added in several ways. */
  #lineOfKey: number[] = [];
  lines = 0;

  addLine(keys: readonly Uint8Array[]): void {
    for (const key of keys) {
      if ((this.#count + 1) * KEY_BYTES > this.#keys.byteLength) this.#grow();
      this.#keys.set(key, this.#count * KEY_BYTES);
      this.#lineOfKey.push(this.lines);
      this.#count += 1;
    }
    this.lines += 1;
  }

  #grow(): void {
    const larger = new Uint8Array(this.#keys.byteLength * 2);
    larger.set(this.#keys);
    this.#keys = larger;
  }

  /** Asks the manager which of the keys it knows in these states (none: in any); in the order of the lines, each once. */
  async existing(client: Client, states: readonly JobState[] = []): Promise<ExistingKeys> {
    const known = new Set<string>();
    for (const select of selectorsOf(this.#keys.subarray(0, this.#count * KEY_BYTES))) {
      await client.plain({ select, states }, async ({ text }) => {
        for (const line of Buffer.from(text).toString('latin1').split('\n')) {
          if (line !== '') known.add(line.slice(0, 2 * KEY_BYTES));
        }
      });
    }
    const found = new Uint8Array(known.size * KEY_BYTES);
    const lines = new Set<number>();
    let at = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const key = this.#keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES);
      const hex = Buffer.from(key).toString('hex');
      const line = this.#lineOfKey[i] ?? 0;
      if (known.delete(hex)) {
        found.set(hexToKey(hex) ?? key, at);
        at += KEY_BYTES;
        lines.add(line);
        this.#seen.add(hex);
      } else if (this.#seen.has(hex)) lines.add(line); // The same command stands in the file twice.
    }
    return { lines: lines.size, selectors: selectorsOf(found.subarray(0, at)) };
  }

  readonly #seen = new Set<string>();
}

function selectorsOf(keys: Uint8Array): Selector[] {
  const selectors: Selector[] = [];
  const bytes = KEYS_PER_MESSAGE * KEY_BYTES;
  for (let at = 0; at < keys.byteLength; at += bytes)
    selectors.push({ by: 'keys', keys: keys.slice(at, at + bytes) });
  return selectors;
}
