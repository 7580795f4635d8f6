import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runFleet } from '../../../bench/fleet/fleet.ts';
import { startFakeManager } from './fake-manager.ts';

const LONG_MS = 20_000;

describe('simulated fleet', () => {
  it('runs every job once over TLS connections of several processes, then leaves', async () => {
    const manager = await startFakeManager(500);
    try {
      const fleet = {
        target: manager,
        runners: 20,
        drivers: 2,
        mode: 'cycle',
        durationMs: LONG_MS,
        emptyMax: 0,
      } as const;
      const result = await runFleet(fleet);
      assert.equal(result.cycles, 500);
      assert.equal(manager.hellos, 20);
      assert.deepEqual(
        [...manager.reported].sort((a, b) => a - b),
        Array.from({ length: 500 }, (_, index) => index + 1),
      );
      assert.equal(
        result.slices.reduce((sum, count) => sum + count, 0),
        500,
      );
      assert.ok(result.p50Ms <= result.p99Ms);
    } finally {
      await manager.close();
    }
  });

  it('touches evenly while idle', async () => {
    const manager = await startFakeManager(0);
    try {
      await runFleet({
        target: manager,
        runners: 10,
        drivers: 1,
        mode: 'idle',
        intervalMs: 200,
        durationMs: 1_000,
      });
      assert.ok(manager.touches >= 20, `${manager.touches} touches`);
    } finally {
      await manager.close();
    }
  });

  it('fails with what the manager said when it answers with an error', async () => {
    const manager = await startFakeManager(0);
    try {
      const stranger = { clientPort: manager.clientPort, caFile: manager.caFile, token: 'wrong' };
      await assert.rejects(
        runFleet({ target: stranger, runners: 2, drivers: 1, mode: 'cycle', durationMs: LONG_MS }),
        /closed connections|before it was/,
      );
    } finally {
      await manager.close();
    }
  });
});
