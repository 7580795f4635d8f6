/**
 * Group commit: one transaction is under way at a time, and whatever is committed meanwhile shares the next one.
 *
 * So a flush is waited for at most twice, however many callers there are, and never more than one thread of libuv's
 * small pool is held. A transaction takes at most so many writes and bytes, so that handing it over stays below what
 * the main thread may spend in one go; a single batch is never split.
 */
import { asWrError, WrError } from '../core/errors.ts';
import type { Write } from './key-value.ts';

/** Handing over a write costs 0.3–1 µs on the main thread. */
const TRANSACTION_WRITES_MAX = 5_000;
const TRANSACTION_BYTES_MAX = 8 * 1024 * 1024;
/** LMDB's own limit is 1,978. */
const KEY_BYTES_MAX = 1_024;

/** @throws {WrError} INTERNAL for a key that LMDB would refuse half-way through a batch */
export function checkKeys(writes: readonly Write[]): void {
  for (const { key } of writes) {
    if (key.byteLength > 0 && key.byteLength <= KEY_BYTES_MAX) continue;
    throw new WrError(
      'INTERNAL',
      `a database key of ${key.byteLength} bytes; 1 to ${KEY_BYTES_MAX} are possible`,
    );
  }
}

interface Waiting {
  readonly writes: readonly Write[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: WrError) => void;
}

/** Writes one transaction; resolves when it is on disk. */
export type WriteTransaction = (batches: readonly (readonly Write[])[], bytes: number) => Promise<void>;

export class CommitQueue {
  readonly #write: WriteTransaction;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #stopped: WrError | undefined;
  /** So many of the next batches go alone: one of them filled the disk, and the others may still fit. */
  #alone = 0;

  constructor(write: WriteTransaction) {
    this.#write = write;
  }

  push(writes: readonly Write[]): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, bytes: bytesOf(writes), resolve, reject });
      // A microtask later, so that what one message sets off goes together.
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
  }

  /** Refuses everything from now on, and what waits; what is under way comes to its own end. */
  stop(error: WrError): void {
    this.#stopped ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#stopped);
  }

  /** Resolves when nothing is under way or waiting. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#take());
    this.#running = undefined;
  }

  #take(): readonly Waiting[] {
    let writes = 0;
    let bytes = 0;
    let count = 0;
    for (const next of this.#waiting) {
      writes += next.writes.length;
      bytes += next.bytes;
      const tooMuch = writes > TRANSACTION_WRITES_MAX || bytes > TRANSACTION_BYTES_MAX || this.#alone > 0;
      if (count > 0 && tooMuch) break;
      count += 1;
    }
    if (this.#alone > 0) this.#alone -= 1;
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const batches = group.filter((one) => one.writes.length > 0).map((one) => one.writes);
    try {
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      if (batches.length > 0) await this.#write(batches, bytes);
    } catch (thrown) {
      this.#failed(group, asWrError(thrown));
      return;
    }
    for (const one of group) one.resolve();
  }

  #failed(group: readonly Waiting[], error: WrError): void {
    if (error.code === 'STORE_FULL' && group.length > 1) {
      this.#alone += group.length;
      this.#waiting = [...group, ...this.#waiting];
      return;
    }
    for (const one of group) one.reject(error);
    if (error.code !== 'STORE_FULL') this.stop(error);
  }
}

function bytesOf(writes: readonly Write[]): number {
  let bytes = 0;
  for (const write of writes) bytes += write.key.byteLength + (write.value?.byteLength ?? 0);
  return bytes;
}
