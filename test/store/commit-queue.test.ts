import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, WrError } from '../../core/errors.ts';
import { CommitQueue } from '../../store/commit-queue.ts';
import type { Write } from '../../store/key-value.ts';

/** A disk whose flushes end when the test says so. */
class Disk {
  readonly transactions: number[][] = [];
  #settle: { resolve: () => void; reject: (error: Error) => void }[] = [];

  readonly write = (batches: readonly (readonly Write[])[]): Promise<void> => {
    this.transactions.push(batches.map((batch) => batch.length));
    return new Promise((resolve, reject) => this.#settle.push({ resolve, reject }));
  };

  async flush(code?: ErrorCode): Promise<void> {
    await turn();
    const next = this.#settle.shift();
    assert.notEqual(next, undefined, 'a transaction is under way');
    if (code === undefined) next?.resolve();
    else next?.reject(new WrError(code, 'made for a test'));
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const writes = (count: number, bytes = 10): Write[] =>
  Array.from({ length: count }, () => ({
    table: 'meta',
    key: new Uint8Array(4),
    value: new Uint8Array(bytes),
  }));
const codes = async (promises: readonly Promise<void>[]): Promise<string[]> =>
  (await Promise.allSettled(promises)).map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code));

describe('group commit', () => {
  it('puts what is asked for at once into one transaction, and what comes meanwhile into the next', async () => {
    const disk = new Disk();
    const queue = new CommitQueue(disk.write);
    const first = [queue.push(writes(1)), queue.push(writes(2))];
    await turn();
    const later = [queue.push(writes(3)), queue.push(writes(4)), queue.push(writes(5))];
    await turn();
    assert.deepEqual(disk.transactions, [[1, 2]]);
    await disk.flush();
    assert.deepEqual(await codes(first), ['ok', 'ok']);
    assert.deepEqual(disk.transactions, [
      [1, 2],
      [3, 4, 5],
    ]);
    await disk.flush();
    assert.deepEqual(await codes(later), ['ok', 'ok', 'ok']);
    await queue.idle();
  });

  it('acknowledges nothing before the flush', async () => {
    const disk = new Disk();
    const queue = new CommitQueue(disk.write);
    let acknowledged = false;
    const done = queue.push(writes(1)).then(() => {
      acknowledged = true;
    });
    for (let turns = 0; turns < 20; turns += 1) await turn();
    assert.equal(acknowledged, false);
    await disk.flush();
    await done;
  });

  it('ends a transaction at its limits of writes and bytes, and never splits a batch', async () => {
    const disk = new Disk();
    const queue = new CommitQueue(disk.write);
    const all = [writes(3_000), writes(3_000), writes(9_000), writes(1, 6_000_000), writes(1, 6_000_000)].map(
      (batch) => queue.push(batch),
    );
    for (let flushes = 0; flushes < 5; flushes += 1) await disk.flush();
    assert.deepEqual(disk.transactions, [[3_000], [3_000], [9_000], [1], [1]]);
    assert.deepEqual(await codes(all), ['ok', 'ok', 'ok', 'ok', 'ok']);
  });

  it('gives each batch of a group that filled the disk its own chance, in order', async () => {
    const disk = new Disk();
    const queue = new CommitQueue(disk.write);
    const all = [1, 2, 3].map((count) => queue.push(writes(count)));
    await turn();
    const later = [4, 5].map((count) => queue.push(writes(count)));
    const outcome = codes([...all, ...later]);
    await disk.flush('STORE_FULL');
    await disk.flush();
    await disk.flush('STORE_FULL');
    await disk.flush();
    await disk.flush();
    assert.deepEqual(disk.transactions, [[1, 2, 3], [1], [2], [3], [4, 5]]);
    assert.deepEqual(await outcome, ['ok', 'STORE_FULL', 'ok', 'ok', 'ok']);
  });

  it('writes nothing any more after a failure of the disk', async () => {
    const disk = new Disk();
    const queue = new CommitQueue(disk.write);
    const first = [queue.push(writes(1)), queue.push(writes(2))];
    await turn();
    const waiting = queue.push(writes(3));
    const all = codes([...first, waiting]);
    await disk.flush('STORE_FAILED');
    assert.deepEqual(await all, ['STORE_FAILED', 'STORE_FAILED', 'STORE_FAILED']);
    assert.deepEqual(await codes([queue.push(writes(1)), queue.push([])]), ['STORE_FAILED', 'STORE_FAILED']);
    assert.deepEqual(disk.transactions, [[1, 2]]);
    await queue.idle();
  });
});
