import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const MANY = 3_000;
/** Records that one commit may hold: those beyond which a change of many waits, and what one step adds. */
const COMMIT_MAX = 1_000;

/** Keeps how much each commit wrote of jobs' records. */
class CountingStore extends MemoryStore {
  readonly records: number[] = [];

  override async commit(writes: Parameters<MemoryStore['commit']>[0]): Promise<void> {
    this.records.push(writes.filter(({ table }) => table === 'records').length);
    await super.commit(writes);
  }
}

/** A manager of which so many commands run, on as many runners as it takes. */
async function withMany(): Promise<{ harness: ManagerHarness; store: CountingStore; runners: TestPeer[] }> {
  const store = new CountingStore();
  const harness = await ManagerHarness.start(store);
  harness.gone = false;
  await harness.add(Array.from({ length: MANY }, (_, i) => `sleep ${i}\n`).join(''));
  const [group] = harness.manager.queue.groups.active;
  const runners: TestPeer[] = [];
  while (harness.manager.queue.attempts.size < MANY) {
    const runner = await harness.connectRunner(group?.name ?? '');
    runners.push(runner);
    const { jobs } = await harness.reserve(runner, group?.name ?? '', 256);
    const events = jobs.map(({ attempt }) => ({
      ...({ event: 'started', startedMs: 1, cwd: '/tmp' } as const),
      ...{ attempt, pid: 5_000 + attempt },
    }));
    harness.send(runner, { type: 'report', id: harness.nextId(), events });
  }
  await settle();
  store.records.length = 0;
  return { harness, store, runners };
}

const total = ({ manager }: ManagerHarness, state: number): number =>
  manager.queue.repGroups.totals[state] ?? 0;

describe('thousands of commands that are lost at once', () => {
  it('are settled in steps, each on disk before the next, while others are answered', async () => {
    const { harness, store } = await withMany();
    const client = new TestPeer();
    const ping = setInterval(() => harness.send(client, { type: 'ping', id: harness.nextId() }), 0);
    await harness.clock.advance(60_001);
    await settle(100);
    assert.equal(total(harness, STATE.lost), MANY);
    assert.ok(store.records.length >= MANY / COMMIT_MAX, `${store.records.length} commits`);
    assert.ok(Math.max(...store.records) <= COMMIT_MAX, `${Math.max(...store.records)} records`);
    harness.check();

    // Their host is known to be dead.
    store.records.length = 0;
    harness.gone = true;
    await harness.clock.advance(500);
    await settle(100);
    clearInterval(ping);
    assert.equal(harness.manager.queue.attempts.size, 0);
    assert.equal(total(harness, STATE.lost), 0);
    assert.ok(Math.max(...store.records) <= COMMIT_MAX, `${Math.max(...store.records)} records`);
    assert.ok(client.count('pong') > 0);
    harness.check();

    const next = await ManagerHarness.start(store);
    for (const state of [STATE.delayed, STATE.buried])
      assert.equal(total(next, state), total(harness, state));
  });

  it('are looked at once a process, not once a command', async () => {
    const { harness, runners } = await withMany();
    const looked: number[] = [];
    harness.gone = (_, pid) => {
      looked.push(pid);
      return false;
    };
    const client = new TestPeer();
    const kill = { ...({ type: 'kill', select: { by: 'all' } } as const), confirmDead: false, ageMs: 0 };
    harness.send(client, { ...kill, id: harness.nextId(), requestId: 'all of them' });
    await settle(50);
    assert.equal(client.last('changed').changed, MANY);
    looked.length = 0;
    await harness.clock.advance(250);
    assert.ok(looked.length <= 2 * runners.length, `${looked.length} looks`);
  });
});

describe('a manager that stops while thousands of commands run', () => {
  it('kills all of them, in steps, and tells every runner', async () => {
    const { harness, store, runners } = await withMany();
    const stopped = harness.manager.stop(1_000);
    await settle(100);
    const told = runners.flatMap(({ received }) =>
      received.flatMap((message) => (message.type === 'kill' ? message.attempts : [])),
    );
    assert.equal(new Set(told).size, MANY);
    assert.ok(Math.max(...store.records) <= COMMIT_MAX, `${Math.max(...store.records)} records`);
    await harness.clock.advance(3_000);
    await stopped;
  });
});
