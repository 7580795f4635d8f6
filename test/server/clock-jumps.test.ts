import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, type TestPeer } from './manager-harness.ts';
import { GROUP } from './manager-steps.ts';

const HOUR_MS = 3_600_000;
const NO_BYTES = new Uint8Array(0);

async function startOne(
  harness: ManagerHarness,
  runnerId?: string,
): Promise<{ peer: TestPeer; attempt: number }> {
  await harness.add('long');
  const peer = await harness.connectRunner(GROUP, runnerId);
  const { jobs } = await harness.reserve(peer, GROUP, 1);
  const attempt = jobs[0]?.attempt as number;
  const startedMs = harness.clock.nowMs();
  harness.send(peer, {
    type: 'report',
    id: harness.nextId(),
    events: [{ event: 'started', attempt, pid: 9, startedMs }],
  });
  await settle();
  return { peer, attempt };
}

function touch(harness: ManagerHarness, peer: TestPeer, attempt: number): void {
  const usage = { peakRamMb: 1, peakDiskMb: 0, cpuMs: 0, stdout: NO_BYTES, stderr: NO_BYTES };
  harness.send(peer, { type: 'touch', id: harness.nextId(), attempts: [{ attempt, ...usage }] });
}

describe('a clock that jumps', () => {
  for (const [name, jumpMs] of [
    ['two hours ahead', 2 * HOUR_MS],
    ['a year ahead', 8_760 * HOUR_MS],
    ['two hours back', -2 * HOUR_MS],
  ] as const) {
    it(`makes no runner silent and kills none: ${name}`, async () => {
      const harness = await ManagerHarness.start();
      harness.gone = false;
      const { peer, attempt } = await startOne(harness);
      await harness.clock.advance(15_000);
      touch(harness, peer, attempt);
      await settle();
      harness.clock.jump(jumpMs);
      await harness.clock.advance(44_000);
      assert.equal(harness.manager.queue.state(1), STATE.running);
      assert.deepEqual(harness.killedRunners, []);
      harness.check();
    });

    it(`hides no silence: ${name}`, async () => {
      const harness = await ManagerHarness.start();
      harness.gone = false;
      await startOne(harness);
      harness.clock.jump(jumpMs);
      await harness.clock.advance(59_000);
      assert.equal(harness.manager.queue.state(1), STATE.running);
      await harness.clock.advance(2_000);
      assert.equal(harness.manager.queue.state(1), STATE.lost);
      await harness.clock.advance(HOUR_MS + 31 * 60_000);
      assert.deepEqual(harness.killedRunners.slice(0, 1), [1]);
      harness.check();
    });

    it(`gives what a restart found all of its time: ${name}`, async () => {
      const store = new MemoryStore();
      const before = await ManagerHarness.start(store);
      const { attempt } = await startOne(before, 'runner x');
      const after = new ManagerHarness(store);
      after.gone = false;
      after.clock.jump(jumpMs);
      await after.manager.start();
      await after.clock.advance(59_000);
      assert.equal(after.manager.queue.state(1), STATE.running);
      const peer = await after.connectRunner(GROUP, 'runner x', [attempt]);
      await after.clock.advance(59_000);
      assert.equal(after.manager.queue.state(1), STATE.running);
      touch(after, peer, attempt);
      await after.clock.advance(61_000);
      assert.equal(after.manager.queue.state(1), STATE.lost);
      assert.deepEqual(after.killedRunners, []);
    });
  }
});
