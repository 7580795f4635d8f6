import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain, type GroupFacts, type JobFacts } from '../../core/explain.ts';

const GROUP: GroupFacts = {
  memoryMb: 1_024,
  cpus: 1,
  ahead: 0,
  held: 2,
  slots: 2,
  scheduler: 'local',
  capacity: { cpus: 4, memoryMb: 8_000 },
  canEverRun: true,
  runners: 1,
  othersHeld: 3,
};

const facts = (more: Partial<JobFacts>, group: Partial<GroupFacts> = {}): JobFacts => ({
  state: 'ready',
  mode: 'started',
  nowMs: 100_000,
  startedMs: 0,
  endedMs: 0,
  readyMs: 0,
  host: 'here',
  pid: 42,
  exitCode: 0,
  reason: '',
  attempts: 0,
  retriesLeft: 3,
  dependencies: [],
  unseen: [],
  limits: [],
  shortages: [],
  stoppedAfter: 0,
  group: { ...GROUP, ...group },
  ...more,
});

const texts = (of: JobFacts): string[] => explain(of).map(({ cause, text }) => `${cause}: ${text}`);

describe('explain', () => {
  it('tells a ready command what it waits for, the first cause first', () => {
    const limits = [
      { name: 'db', limit: 2, held: 2 },
      { name: 'off', limit: 0, held: 0 },
      { name: '18:00:00<time', limit: null, held: 0 },
    ];
    assert.deepEqual(texts(facts({ limits, mode: 'paused' }, { canEverRun: false, cpus: 50 })), [
      'limit: its limit group "db" lets 2 run at once, and 2 do',
      'limit: none of its limit group "off" may run',
      'window: it may only start within 18:00:00<time, and it is not that time',
      'resources: it asks for 1024 MB and 50 cores, and the scheduler can never give more than 8000 MB and 4 cores',
      'paused: the manager is paused',
    ]);
  });

  it('tells of counted resources of which there are too few, or too few free', () => {
    const shortages = [
      { name: 'gpu', asked: 2, free: 1, units: 4 },
      { name: 'fpga', asked: 1, free: 0, units: 0 },
    ];
    assert.deepEqual(texts(facts({ shortages })), [
      'resources: it asks for gpu:2, and 1 of 4 are free',
      'resources: it asks for fpga:1, and there is fpga:0',
    ]);
  });

  it('does not let anybody wait for a span of time that is over for good', () => {
    const limits = [{ name: 'datetime<2020-01-01 00:00:00', limit: null, held: 0, isPast: true }];
    const [said] = explain(facts({ limits }));
    assert.match(said?.text ?? '', /that time is over for good$/);
    assert.match(said?.todo ?? '', /--limit_grps/);
    assert.doesNotMatch(said?.todo ?? '', /wait/);
  });

  it('advises only what helps: of a delayed command, and of one that asked for too much', () => {
    assert.doesNotMatch(explain(facts({ state: 'delayed' }))[0]?.todo ?? '', /wr kill/);
    const reason = 'resource requirements cannot be met';
    const [said] = explain(facts({ state: 'buried', reason, shortOf: 'gpu:1 was asked for' }));
    assert.match(said?.text ?? '', /\(gpu:1 was asked for\)$/);
    assert.match(said?.todo ?? '', /--resources/);
  });

  it('tells a ready command that nothing holds back its place in the order', () => {
    assert.deepEqual(texts(facts({}, { ahead: 7 })), [
      'order: 2 of 2 that may run at once do; 7 that ask for the same are before it',
    ]);
    assert.match(texts(facts({}))[0] ?? '', /it is the next of those that ask for the same$/);
    assert.match(
      texts(facts({}, { slots: 0, held: 1 }))[0] ?? '',
      /^capacity: there is no room for 1024 MB and 1 core now: 4 other commands run; it is the next/,
    );
    const none = { slots: null, scheduler: 'none', runners: 0 };
    assert.match(texts(facts({}, none))[0] ?? '', /^capacity: no runner is connected/);
  });

  it('tells dependency groups nobody has seen apart from commands that are not done', () => {
    const more = { state: 'dependent', dependencies: ['a', 'b', 'echo 1'], unseen: ['b'] } as const;
    assert.deepEqual(texts(facts(more)), [
      'dependency: it waits for dependency groups to which nothing was ever added: "b"',
      'dependency: it waits for commands that have not completed: "a", "echo 1"',
    ]);
    const many = { state: 'dependent', dependencies: Array.from({ length: 12 }, (_, i) => `g${i}`) } as const;
    assert.match(texts(facts(many))[0] ?? '', /"g9", 2 more$/);
  });

  it('tells how long a back-off still takes and how often it is tried', () => {
    const failed = { state: 'delayed', reason: 'command exited non-zero', exitCode: 3 } as const;
    assert.deepEqual(texts(facts({ ...failed, readyMs: 145_400, retriesLeft: 0 })), [
      'backoff: it failed (command exited non-zero, exit code 3) and is tried again in 45s; 1 attempt left',
    ]);
    assert.match(
      texts(facts({ ...failed, readyMs: 90_000 }))[0] ?? '',
      /tried again any moment now; 4 attempts left/,
    );
  });

  it('tells of what is held, over or given up, and what to do', () => {
    assert.match(
      texts(facts({ state: 'running', startedMs: 40_000 }))[0] ?? '',
      /for 1m0s on here as process 42/,
    );
    assert.match(texts(facts({ state: 'reserved' }))[0] ?? '', /handed to a runner on here/);
    assert.match(texts(facts({ state: 'lost', endedMs: 70_000 }))[0] ?? '', /not been heard of for 30s/);
    assert.match(texts(facts({ state: 'suspended' }))[0] ?? '', /^suspended: .* held back by a user/);
    assert.match(
      texts(facts({ state: 'suspended', stoppedAfter: 3 }))[0] ?? '',
      /report group was stopped after 3 of its commands were buried \(--max_fails\)/,
    );
    assert.match(
      texts(facts({ state: 'complete', startedMs: 1_000, endedMs: 3_500, attempts: 1 }))[0] ?? '',
      /^complete: it completed on here after 1 attempt, in 2.5s/,
    );
    const [buried] = explain(
      facts({ state: 'buried', reason: 'command not found', exitCode: 127, attempts: 1 }),
    );
    assert.equal(buried?.text, 'it was buried after 1 attempt: command not found, exit code 127');
    assert.match(buried?.todo ?? '', /full path/);
    const [never] = explain(
      facts({ state: 'buried', reason: 'resource requirements cannot be met', exitCode: -1 }),
    );
    assert.match(never?.text ?? '', /without ever having started: resource requirements cannot be met$/);
  });

  it('leaves nobody who waits for something without anything to do', () => {
    for (const state of ['ready', 'dependent', 'delayed', 'suspended', 'lost', 'buried', 'complete'] as const)
      for (const { todo } of explain(facts({ state }, { ahead: 1 }))) assert.notEqual(todo, '', state);
  });
});
