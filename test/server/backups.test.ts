import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { restoreMissing } from '../../server/restore.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness } from './manager-harness.ts';

describe('backups of the database', () => {
  it('are made while it changes, half a minute apart, and hold what was acknowledged', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    await harness.clock.advance(29_000);
    assert.equal(store.backups.size, 0);
    await harness.clock.advance(2_000);
    const copy = store.backups.get('backup');
    assert.ok(copy);
    assert.equal((await ManagerHarness.start(copy)).manager.queue.keys.size, 1);
    await harness.clock.advance(60_000);
    assert.equal(store.backups.get('backup'), copy, 'nothing has changed');
    await harness.add('b\n');
    await harness.clock.advance(1_000);
    assert.notEqual(store.backups.get('backup'), copy);
  });

  it('are made at a stop when something has changed since the last', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    await harness.manager.stop(0);
    assert.equal(store.backups.size, 1);
    const idle = await ManagerHarness.start(new MemoryStore());
    await idle.manager.stop(0);
    assert.equal((idle.store as MemoryStore).backups.size, 0);
  });

  it('are tried again when one fails', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const { backup } = MemoryStore.prototype;
    let failures = 0;
    store.backup = async (path) => {
      failures += 1;
      if (failures === 1) throw new Error('no room');
      await backup.call(store, path);
    };
    await harness.add('a\n');
    await harness.clock.advance(31_000);
    assert.equal(store.backups.size, 0);
    await harness.clock.advance(31_000);
    assert.equal(store.backups.size, 1);
  });

  it('come back in the place of a database that is missing, never over one that is there', () => {
    const dir = mkdtempSync(join(tmpdir(), 'wr-restore-'));
    try {
      const [path, backup] = [join(dir, 'db'), join(dir, 'db_bk')];
      assert.equal(restoreMissing(path, backup), false);
      writeFileSync(backup, 'saved', { mode: 0o644 });
      assert.equal(restoreMissing(path, backup), true);
      assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['saved', 0o600]);
      writeFileSync(path, 'newer');
      assert.equal(restoreMissing(path, backup), false);
      assert.equal(readFileSync(path, 'utf8'), 'newer');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
