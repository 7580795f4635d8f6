import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { stateName } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { FarHost, type FarProcess } from './far-host.ts';
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
    runnerId: `runner-of-${host}`,
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

/** A host with these processes, whose shell the manager reaches. */
function hostWith(harness: ManagerHarness, processes: readonly (number | FarProcess)[]): FarHost {
  const host = new FarHost(processes.map((each) => (typeof each === 'number' ? { pid: each } : each)));
  harness.runOnHost = host.run;
  return host;
}

function touch(harness: ManagerHarness, peer: TestPeer, attempt: number, birth: number): void {
  const none = new Uint8Array(0);
  const usage = { peakRamMb: 1, peakDiskMb: 0, cpuMs: 1, stdout: none, stderr: none };
  harness.send(peer, { type: 'touch', id: harness.nextId(), attempts: [{ attempt, birth, ...usage }] });
}

async function kill(harness: ManagerHarness, confirmDead = false): Promise<number> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const select = { by: 'all' } as const;
  harness.send(peer, { type: 'kill', id, requestId: `k${id}`, select, confirmDead, ageMs: 0 });
  await settle();
  return peer.last('changed').changed;
}

describe('commands that contact was lost with, on other hosts', () => {
  it('are settled once neither runner nor command is there: one question a host', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\nb\nc\n', { retries: 1 });
    await start(harness, 3, 2);
    const { asked } = hostWith(harness, [501]);
    await harness.clock.advance(MINUTE + 1_000);
    assert.match(asked[0] ?? '', /^far: .* -p 400,\$\$,500,501 /);
    // Where the third is, whose start was never told.
    assert.equal(asked.length, 2);
    // The first has failed and is tried again; the second runs on; the third was never started.
    assert.deepEqual(states(harness, 3), ['delayed', 'lost', 'ready']);
    await harness.clock.advance(29 * MINUTE);
    assert.equal(asked.length, 2);
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
    await kill(harness);
    hostWith(harness, []);
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 1), ['buried']);
  });

  it('have their runner killed when it is alive and said nothing for an hour', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await start(harness, 1, 1);
    const { asked } = hostWith(harness, [400, 500]);
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

describe('a command of another host that was handed out and whose start was never told', () => {
  /** Its runner is not heard of any more. @returns its mark */
  const silent = async (harness: ManagerHarness): Promise<string> => {
    harness.gone = false;
    await harness.add('a\n', { retries: 0 });
    const { tokens } = await start(harness, 1, 0);
    return `${tokens[0]}-runner-of-far`;
  };

  it('is lost and not started again while it is found at work there, and has failed when it is gone', async () => {
    const harness = await ManagerHarness.start();
    const mark = await silent(harness);
    const host = hostWith(harness, [{ pid: 555, birth: 9, mark }]);
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 1), ['lost']);
    const [attempt] = harness.manager.queue.attempts.all();
    assert.deepEqual([attempt?.pid, attempt?.birth, (attempt?.startedMs ?? 0) > 0], [555, 9, true]);
    host.processes = [];
    await harness.clock.advance(31 * MINUTE);
    assert.deepEqual(states(harness, 1), ['buried']);
  });

  it('is handed out again when it is not found, not before its runner is gone', async () => {
    const harness = await ManagerHarness.start();
    await silent(harness);
    const host = hostWith(harness, [400]);
    await harness.clock.advance(35 * MINUTE);
    assert.deepEqual(states(harness, 1), ['lost']);
    host.processes = [];
    await harness.clock.advance(31 * MINUTE);
    assert.deepEqual(states(harness, 1), ['ready']);
  });

  it('stays lost when the host does not let it be looked for, and why is told', async () => {
    const harness = await ManagerHarness.start();
    await silent(harness);
    hostWith(harness, []).allows = (command) => command.startsWith('echo wr-ps-batch');
    await harness.clock.advance(35 * MINUTE);
    assert.deepEqual(states(harness, 1), ['lost']);
    const peer = new TestPeer();
    const key = Buffer.from(harness.manager.queue.table.keyHex(1), 'hex');
    harness.send(peer, { type: 'explain', id: 1, key });
    await settle();
    assert.match(
      peer.last('explained').reasons[0]?.text ?? '',
      /far could not be asked about it: not allowed/,
    );
  });

  it('is known to have started also after a restart', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    const mark = await silent(before);
    hostWith(before, [{ pid: 555, birth: 9, mark }]);
    await before.clock.advance(MINUTE + 1_000);
    const after = new ManagerHarness(store.crash());
    after.gone = false;
    await after.manager.start();
    const [attempt] = after.manager.queue.attempts.all();
    assert.deepEqual([attempt?.pid, attempt?.birth], [555, 9]);
    assert.deepEqual(states(after, 1), ['lost']);
  });
});

describe('a command of this host whose start was never told', () => {
  it('is looked for by its mark before it is handed out again', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { retries: 0 });
    const { tokens } = await start(harness, 2, 0, 'here');
    const mark = `${tokens[0]}-runner-of-here`;
    const looks: ReadonlySet<string>[] = [];
    harness.gone = (_, pid) => pid !== 77;
    harness.findMarked = async (marks) => {
      looks.push(marks);
      return new Map([[mark, [{ pid: 77, birth: 5 }]]]);
    };
    await harness.clock.advance(MINUTE + 1_000);
    assert.equal(looks[0]?.has(mark), true);
    assert.equal(looks[0]?.size, 2);
    assert.deepEqual(states(harness, 2), ['lost', 'ready']);
    assert.equal(harness.manager.queue.attempts.byToken(tokens[0] ?? 0)?.pid, 77);
    harness.gone = true;
    await harness.clock.advance(1_000);
    assert.deepEqual(states(harness, 2), ['buried', 'ready']);
  });

  it('stays lost while it cannot be looked for', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    await start(harness, 1, 0, 'here');
    harness.findMarked = () => Promise.reject(new Error('too many open files'));
    await harness.clock.advance(2 * MINUTE);
    assert.deepEqual(states(harness, 1), ['lost']);
    harness.findMarked = () => Promise.resolve(new Map());
    await harness.clock.advance(11_000);
    assert.deepEqual(states(harness, 1), ['ready']);
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
      runnerId: 'runner-of-far',
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

  it('is not believed to be dead while its process is seen on the manager’s own host', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { retries: 3 });
    await start(harness, 2, 2, 'here');
    harness.gone = false;
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 2), ['lost', 'lost']);
    const confirm = async (): Promise<unknown> => {
      const client = new TestPeer();
      const id = harness.nextId();
      const select = { by: 'all' } as const;
      harness.send(client, { type: 'kill', id, requestId: `k${id}`, select, confirmDead: true, ageMs: 0 });
      await settle();
      const { changed, eligible, warnings } = client.last('changed');
      return [changed, eligible, warnings?.map((text) => /\((.*)\)/.exec(text)?.[1])];
    };
    assert.deepEqual(await confirm(), [0, 2, ['processes 500, 501']]);
    // One is gone now, and before anybody looks someone says so of both.
    harness.gone = (_host, pid) => pid === 501;
    assert.deepEqual(await confirm(), [1, 2, ['process 500']]);
    assert.deepEqual(states(harness, 2), ['lost', 'delayed']);
  });

  it('of another host is ended there when someone asks for it, with its runner gone', async () => {
    const harness = await lost();
    const host = hostWith(harness, [{ pid: 500, birth: 0, mark: '1-runner-of-far' }, { pid: 501 }]);
    await harness.clock.advance(31 * MINUTE);
    assert.deepEqual(states(harness, 1), ['lost']);
    assert.equal(await kill(harness), 1);
    await harness.clock.advance(6_000);
    assert.deepEqual(states(harness, 1), ['buried']);
    assert.deepEqual(
      host.processes.map(({ pid }) => pid),
      [501],
    );
  });

  it('of another host is ended by id and start, also when its runner is only cut off', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n', { retries: 3 });
    const { peer, tokens } = await start(harness, 1, 1);
    touch(harness, peer, tokens[0] ?? 0, 77);
    await harness.clock.advance(MINUTE + 1_000);
    const host = hostWith(harness, [400, { pid: 500, birth: 77 }]);
    await kill(harness);
    await harness.clock.advance(6_000);
    assert.deepEqual(states(harness, 1), ['buried']);
    assert.deepEqual(
      host.processes.map(({ pid }) => pid),
      [400],
    );
  });

  it('of another host is over when its id is that of another process by now, which is let alone', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n', { retries: 3 });
    const { peer, tokens } = await start(harness, 1, 1);
    touch(harness, peer, tokens[0] ?? 0, 77);
    const host = hostWith(harness, [{ pid: 500, birth: 78 }]);
    await harness.clock.advance(MINUTE + 1_000);
    assert.deepEqual(states(harness, 1), ['delayed']);
    assert.equal(host.processes.length, 1);
  });

  it('of another host stays lost when it cannot be ended, which is tried every minute', async () => {
    const harness = await lost();
    const host = hostWith(harness, [500]);
    host.allows = (command) => !command.includes('wr-end');
    await kill(harness);
    await harness.clock.advance(5 * MINUTE + 6_000);
    assert.deepEqual(states(harness, 1), ['lost']);
    const tries = host.asked.filter((command) => command.includes('wr-end')).length;
    assert.ok(tries >= 5 && tries <= 7, String(tries));
  });

  it('of this host is ended when someone asks for it, also when its runner stands still', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n', { retries: 3 });
    await start(harness, 1, 1, 'here');
    await harness.clock.advance(MINUTE + 1_000);
    const ended: number[] = [];
    harness.endOrphan = ({ pid }) => {
      ended.push(pid);
      harness.gone = (_, gone) => gone === 500;
      return false;
    };
    await harness.clock.advance(1_000);
    assert.deepEqual(ended, []);
    await kill(harness);
    await harness.clock.advance(1_000);
    assert.deepEqual(ended, [500]);
    assert.deepEqual(states(harness, 1), ['buried']);
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
