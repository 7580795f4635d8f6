import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { stateName } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const MINUTE = 60_000;

interface Started {
  readonly peer: TestPeer;
  readonly tokens: readonly number[];
}

/** A runner of another host with so many jobs; `started` of them run, with process ids from 500 on. */
async function start(
  harness: ManagerHarness,
  count: number,
  started: number,
  host = 'far',
): Promise<Started> {
  const peer = new TestPeer();
  harness.send(peer, {
    type: 'hello',
    id: harness.nextId(),
    runnerId: `runner of ${host}`,
    host,
    ip: '10.0.0.9',
    pid: 400,
    group: GROUP,
    holding: [],
  });
  const { jobs } = await harness.reserve(peer, GROUP, count);
  const tokens = jobs.map(({ attempt }) => attempt);
  const startedMs = harness.clock.nowMs();
  harness.send(peer, {
    type: 'report',
    id: harness.nextId(),
    events: tokens
      .slice(0, started)
      .map((attempt, i) => ({ event: 'started', attempt, pid: 500 + i, startedMs }) as const),
  });
  await settle();
  return { peer, tokens };
}

function states(harness: ManagerHarness, count: number): string[] {
  harness.check();
  return Array.from({ length: count }, (_, i) => stateName(harness.manager.queue.state(1 + i)));
}

/** A host that answers every question with these processes alive. */
function hostWith(harness: ManagerHarness, pids: readonly number[]): string[] {
  const asked: string[] = [];
  harness.runOnHost = async (host, command) => {
    asked.push(`${host}: ${command}`);
    return ['wr-ps-batch 7', '7 Ss', ...pids.map((pid) => `${pid} S`), ''].join('\n');
  };
  return asked;
}

describe('commands that contact was lost with, on other hosts', () => {
  it('are settled once neither runner nor command is there: one question a host', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\nb\nc\n', { retries: 1 });
    await start(harness, 3, 2);
    const asked = hostWith(harness, [501]);
    await harness.clock.advance(MINUTE + 1_000);
    assert.equal(asked.length, 1);
    assert.match(asked[0] ?? '', /^far: .* -p 400,\$\$,500,501 /);
    // The first has failed and is tried again; the second runs on; the third was never started.
    assert.deepEqual(states(harness, 3), ['delayed', 'lost', 'ready']);
    await harness.clock.advance(29 * MINUTE);
    assert.equal(asked.length, 1);
    hostWith(harness, []);
    await harness.clock.advance(2 * MINUTE);
    assert.deepEqual(states(harness, 3), ['ready', 'ready', 'ready']);
  });

  it('stay lost while the host does not answer, or makes no sense', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await start(harness, 1, 1);
    for (const answer of [() => Promise.reject(new Error('no route')), () => Promise.resolve('who?\n')]) {
      harness.runOnHost = answer;
      await harness.clock.advance(31 * MINUTE);
      assert.deepEqual(states(harness, 1), ['lost']);
    }
  });

  it('are looked at after a restart, too', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('a\nb\n');
    await start(before, 2, 1);
    const after = new ManagerHarness(store.crash());
    after.gone = false;
    await after.manager.start();
    hostWith(after, []);
    await after.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(after, 2), ['delayed', 'ready']);
  });

  it('end as killed when a kill was asked for before', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await start(harness, 1, 1);
    harness.send(new TestPeer(), {
      type: 'kill',
      id: 1,
      requestId: 'k',
      select: { by: 'all' },
      confirmDead: false,
      ageMs: 0,
    });
    hostWith(harness, []);
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 1), ['buried']);
  });

  it('have their runner killed when it is alive and said nothing for an hour', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await start(harness, 1, 1);
    const asked = hostWith(harness, [400]);
    await harness.clock.advance(59 * MINUTE);
    assert.equal(
      asked.some((command) => command.includes('kill')),
      false,
    );
    await harness.clock.advance(40 * MINUTE);
    assert.equal(
      asked.some((command) => command.includes('kill -9 400')),
      true,
    );
    assert.deepEqual(states(harness, 1), ['lost']);
  });
});

describe('what a runner has lost', () => {
  it('is released when it comes back without it: what never started at once, what ran as failed', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n');
    const { tokens } = await start(harness, 3, 2);
    const back = new TestPeer();
    harness.send(back, {
      type: 'hello',
      id: 9,
      runnerId: 'runner of far',
      host: 'far',
      ip: '10.0.0.9',
      pid: 400,
      group: GROUP,
      holding: [tokens[0] ?? 0],
    });
    await settle();
    assert.deepEqual(states(harness, 3), ['running', 'delayed', 'ready']);
  });

  it('is released when it touches others and not this one for a minute, not sooner', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\nb\n');
    const { peer, tokens } = await start(harness, 2, 2);
    const none = new Uint8Array(0);
    const usage = { peakRamMb: 1, peakDiskMb: 0, cpuMs: 1, stdout: none, stderr: none };
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual(states(harness, 2), ['running', 'running']);
      await harness.clock.advance(14_000);
      harness.send(peer, { type: 'touch', id: i, attempts: [{ attempt: tokens[0] ?? 0, ...usage }] });
      await settle();
    }
    assert.deepEqual(states(harness, 2), ['running', 'delayed']);
  });
});

describe('processes of the own host', () => {
  it('are known by their birth, also after a restart, as their ids may be given to others', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('a\n');
    const { peer, tokens } = await start(before, 1, 1, 'here');
    const none = new Uint8Array(0);
    const touched = {
      attempt: tokens[0] ?? 0,
      peakRamMb: 1,
      peakDiskMb: 0,
      cpuMs: 1,
      stdout: none,
      stderr: none,
    };
    before.send(peer, { type: 'touch', id: 5, attempts: [touched] });
    await before.clock.advance(300);
    const after = await ManagerHarness.start(store.crash());
    const attempt = after.manager.queue.attempts.byToken(tokens[0] ?? 0);
    assert.deepEqual([attempt?.runnerBirth, attempt?.birth], [1_400, 1_500]);
  });

  it('have a runner that was silent for an hour killed', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await start(harness, 1, 1, 'here');
    await harness.clock.advance(59 * MINUTE);
    assert.deepEqual(harness.killedRunners, []);
    await harness.clock.advance(35 * MINUTE);
    assert.deepEqual([...new Set(harness.killedRunners)], [400]);
  });
});

describe('a lost command', () => {
  const kill = async (harness: ManagerHarness, confirmDead: boolean): Promise<number> => {
    const peer = new TestPeer();
    const id = harness.nextId();
    const select = { by: 'all' } as const;
    harness.send(peer, { type: 'kill', id, requestId: `k${id}`, select, confirmDead, ageMs: 0 });
    await settle();
    return peer.last('changed').changed;
  };
  const lost = async (store?: MemoryStore): Promise<ManagerHarness> => {
    const harness = await ManagerHarness.start(store);
    harness.gone = false;
    await harness.add('a\n', { retries: 3 });
    await start(harness, 1, 1);
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 1), ['lost']);
    return harness;
  };

  it('can be killed, and is confirmed dead after that, also after a restart', async () => {
    const store = new MemoryStore();
    const before = await lost(store);
    assert.equal(await kill(before, false), 1);
    assert.deepEqual(states(before, 1), ['lost']);
    const after = new ManagerHarness(store.crash());
    after.gone = false;
    await after.manager.start();
    assert.deepEqual(states(after, 1), ['lost']);
    assert.equal(await kill(after, true), 1);
    assert.deepEqual(states(after, 1), ['buried']);
  });

  it('of this host, which was killed, is over only when all that came of it is', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n', { retries: 3 });
    await start(harness, 1, 1, 'here');
    await harness.clock.advance(MINUTE + 1_000);
    let left = true;
    harness.endOrphan = () => left;
    harness.gone = true;
    await kill(harness, false);
    await harness.clock.advance(1_000);
    assert.deepEqual(states(harness, 1), ['lost']);
    left = false;
    await harness.clock.advance(1_000);
    assert.deepEqual(states(harness, 1), ['buried']);
  });
});

describe('a runner of this host whose connection ends', () => {
  it('has its commands settled at once when it is gone with them, but for one that it may just have started', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { retries: 3 });
    const { peer } = await start(harness, 2, 1, 'here');
    harness.manager.closed(peer);
    await harness.clock.advance(500);
    assert.deepEqual(states(harness, 2), ['delayed', 'reserved']);
    await harness.clock.advance(MINUTE);
    assert.equal(states(harness, 2)[1], 'ready');
  });

  it('is waited for while its process is there', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    const { peer } = await start(harness, 1, 1, 'here');
    harness.manager.closed(peer);
    await harness.clock.advance(30_000);
    assert.deepEqual(states(harness, 1), ['running']);
  });

  it('has its commands settled soon after a restart when it is gone with them', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('a\n', { retries: 3 });
    await start(before, 1, 1, 'here');
    const after = await ManagerHarness.start(store.crash());
    await after.clock.advance(500);
    assert.deepEqual(states(after, 1), ['delayed']);
  });
});
