import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobOptions } from '../../core/job-options.ts';
import { STATE } from '../../core/states.ts';
import type { Write } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

/** So many that each segment is changed in several runs. */
const JOBS_A_SEGMENT = 2_100;
const SEGMENTS = 2;
const FIRST = 2;

/** A store that takes so many commits more, and nothing after that. */
class DyingStore extends MemoryStore {
  left = Number.POSITIVE_INFINITY;
  taken = 0;

  override commit(writes: readonly Write[]): Promise<void> {
    if (this.left <= 0) return new Promise(() => undefined);
    this.left -= 1;
    this.taken += 1;
    return super.commit(writes);
  }
}

/** Changes what jobs wait for, while the disk takes `commits` only. @returns the store, and how many it took */
async function modified(
  from: readonly string[],
  to: readonly string[],
  commits: number,
): Promise<{ readonly store: DyingStore; readonly isAnswered: boolean; readonly taken: number }> {
  const store = new DyingStore();
  const harness = await ManagerHarness.start(store);
  await harness.add('{"cmd":"base","dep_grps":["g"]}\n');
  for (let segment = 0; segment < SEGMENTS; segment += 1) {
    const lines = Array.from({ length: JOBS_A_SEGMENT }, (_, i) => `job ${segment} ${i}\n`);
    await harness.add(lines.join(''), { repGroup: 'w', deps: from });
  }
  // Everybody has a turn after each run.
  let nowMs = harness.clock.monotonicMs();
  harness.clock.monotonicMs = () => (nowMs += 5);
  const peer = new TestPeer();
  store.left = commits;
  store.taken = 0;
  const options: Partial<JobOptions> = { deps: to };
  harness.send(peer, {
    type: 'modify',
    id: harness.nextId(),
    requestId: 'm',
    select: { by: 'repGroup', repGroup: 'w', search: false },
    changes: { options, cmd: null, dropOther: [] },
  });
  for (let turn = 0; turn < 60 && peer.count('changed') === 0; turn += 1) {
    // Others have something to write all the while.
    harness.manager.persist.add({ table: 'meta', key: Buffer.from('test'), value: new Uint8Array(1) });
    await settle(1);
  }
  return { store, isAnswered: peer.count('changed') === 1, taken: store.taken };
}

describe('a change of what commands wait for', () => {
  it('is on disk with what they are shown to wait for, whenever the manager dies', async () => {
    for (const [from, to] of [
      [[], ['g']],
      [['g'], []],
    ] as const) {
      const { isAnswered, taken } = await modified(from, to, Number.POSITIVE_INFINITY);
      assert.ok(isAnswered && taken > 5, `${taken} commits`);
      const seen = new Set<number>();
      for (let commits = 0; commits <= taken; commits += 1) {
        const { store } = await modified(from, to, commits);
        const after = await ManagerHarness.start(store.crash());
        after.check();
        const { queue } = after.manager;
        let changed = 0;
        for (let number = FIRST; number < FIRST + SEGMENTS * JOBS_A_SEGMENT; number += 1) {
          const { deps } = queue.templateOf(number).options;
          const waits = queue.state(number) === STATE.dependent;
          assert.equal(waits, deps.length > 0, `job ${number} of deps [${deps}] after ${commits} commits`);
          if (deps.length === to.length) changed += 1;
        }
        seen.add(changed);
      }
      assert.ok(seen.has(0) && seen.has(SEGMENTS * JOBS_A_SEGMENT), 'it died before and after');
    }
  });
});
