import assert from 'node:assert/strict';
import { constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Fields } from '../../../server/log.ts';
import {
  LocalScheduler,
  type LocalSchedulerOptions,
  type RunnerEnd,
} from '../../../server/schedulers/local.ts';
import type { Demand } from '../../../server/schedulers/scheduler.ts';

/** Timers that go when the test says so. */
class TestClock {
  now = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  readonly monotonicMs = (): number => this.now;
  readonly after = (delayMs: number, run: () => void): (() => void) => {
    const timer = { atMs: this.now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  advance(ms: number): void {
    const untilMs = this.now + ms;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.now = next.atMs;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
    }
    this.now = untilMs;
  }

  get timers(): number {
    return this.#timers.length;
  }
}

interface Started {
  readonly args: readonly string[];
  readonly pid: number;
  readonly end: (end?: Partial<RunnerEnd>) => void;
}

function makeCase(changes: Partial<LocalSchedulerOptions> = {}) {
  const clock = new TestClock();
  const started: Started[] = [];
  const lines: [string, string, Fields | undefined][] = [];
  const note = (level: string) => (message: string, fields?: Fields) =>
    void lines.push([level, message, fields]);
  const log = {
    debug: () => undefined,
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    crit: note('crit'),
  };
  const scheduler = new LocalScheduler({
    maxCores: -1,
    maxRamMb: -1,
    entryFile: '/opt/wr/main.js',
    deployment: 'development',
    server: '10.0.0.1:5000',
    certDomain: 'localhost',
    logDir: '',
    syslog: false,
    clock,
    log,
    machine: { cpus: 8, memoryMb: 16_000 },
    startRunner: (args, ended) => {
      const pid = 100 + started.length;
      started.push({ args, pid, end: (end = {}) => ended({ code: 0, signal: null, ...end }) });
      return pid;
    },
    ...changes,
  });
  return { scheduler, clock, started, lines };
}

const demand = (count: number): Demand => ({
  group: 'g',
  count,
  priority: 0,
  memoryMb: 100,
  cpus: 1,
  timeMs: 0,
  other: {},
});
const last = <Item>(items: readonly Item[]): Item => items.at(-1) as Item;

describe('capacity of the local machine', () => {
  it('is the machine, lowered by the flags and never raised', () => {
    const capacity = (maxCores: number, maxRamMb: number) =>
      makeCase({ maxCores, maxRamMb }).scheduler.capacity;
    assert.deepEqual(capacity(-1, -1), { cpus: 8, memoryMb: 16_000 });
    assert.deepEqual(capacity(2, 500), { cpus: 2, memoryMb: 500 });
    assert.deepEqual(capacity(99, 99_999), { cpus: 8, memoryMb: 16_000 });
    assert.deepEqual(capacity(0, 0), { cpus: 0, memoryMb: 0 });
    assert.throws(() => capacity(Number.NaN, -1), { code: 'BAD_OPTION' });
  });

  it('tells what can never run', () => {
    const { scheduler } = makeCase({ maxCores: 2 });
    assert.equal(scheduler.canEverRun({ memoryMb: 16_000, cpus: 1.5 }), true);
    assert.equal(scheduler.canEverRun({ memoryMb: 16_001, cpus: 1 }), false);
    assert.equal(scheduler.canEverRun({ memoryMb: 1, cpus: 2.1 }), false);
  });
});

describe('the runner of the local machine', () => {
  it('is started when there is demand, once, with what it needs to find its manager', () => {
    const { scheduler, started } = makeCase({ logDir: '/var/log/wr' });
    scheduler.schedule([]);
    scheduler.schedule([demand(0)]);
    assert.equal(started.length, 0);
    assert.equal(scheduler.busy(), false);
    scheduler.schedule([demand(3), demand(2)]);
    scheduler.schedule([demand(4)]);
    assert.equal(started.length, 1);
    assert.equal(scheduler.busy(), true);
    const wanted =
      'runner -s  --host_slots --deployment development --server 10.0.0.1:5000 --domain localhost -r 1 --logdir /var/log/wr';
    assert.equal(started[0]?.args.join(' '), wanted);
  });

  it('logs to syslog where told so', () => {
    const { scheduler, started } = makeCase({ logDir: '/var/log/wr', syslog: true });
    scheduler.schedule([demand(1)]);
    assert.deepEqual(started[0]?.args.slice(-1), ['--syslog']);
    assert.equal(started[0]?.args.includes('--logdir'), false);
  });

  it('comes back with work after it has idled out', () => {
    const { scheduler, started, clock, lines } = makeCase();
    scheduler.schedule([demand(1)]);
    const first = last(started);
    scheduler.runnerConnected(first.pid);
    clock.advance(60_000);
    scheduler.schedule([]);
    scheduler.runnerGone(first.pid);
    first.end();
    assert.equal(started.length, 1);
    assert.equal(scheduler.busy(), false);
    scheduler.schedule([demand(1)]);
    assert.equal(started.length, 2);
    assert.deepEqual(lines, []);
  });

  it('is waited for while it leaves, and replaced as soon as it has ended', () => {
    const { scheduler, started, clock } = makeCase();
    scheduler.schedule([demand(1)]);
    scheduler.runnerConnected(100);
    clock.advance(1_200);
    scheduler.runnerGone(100);
    scheduler.schedule([demand(2)]);
    assert.equal(started.length, 1);
    started[0]?.end();
    assert.equal(started.length, 2);
  });

  it('is not started while one of an earlier manager is connected', () => {
    const { scheduler, started } = makeCase();
    scheduler.runnerConnected(77);
    scheduler.schedule([demand(1)]);
    assert.equal(started.length, 0);
    assert.equal(scheduler.busy(), true);
    scheduler.runnerGone(77);
    assert.equal(started.length, 1);
  });

  it('is replaced when it is killed at its work, without delay', () => {
    const { scheduler, started, clock, lines } = makeCase();
    scheduler.schedule([demand(1)]);
    scheduler.runnerConnected(100);
    clock.advance(5_000);
    scheduler.runnerGone(100);
    started[0]?.end({ code: null, signal: 'SIGKILL' });
    assert.equal(started.length, 2);
    assert.deepEqual(lines, []);
  });

  it('is tried again later and later when it ends before it connects, with a clear word about it', () => {
    const { scheduler, started, clock, lines } = makeCase();
    scheduler.schedule([demand(1)]);
    const pauses: number[] = [];
    for (let ends = 0; ends < 12; ends += 1) {
      const before = clock.now;
      last(started).end({ code: 1 });
      scheduler.schedule([demand(2)]);
      assert.equal(started.length, ends + 1, 'demand does not cut the pause short');
      while (started.length === ends + 1) clock.advance(500);
      pauses.push((clock.now - before) / 1_000);
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
    assert.deepEqual(
      lines.map(([level]) => level),
      ['warn', 'warn', 'error', 'error', 'error'],
    );
    const [, message, fields] = lines[2] as (typeof lines)[number];
    assert.match(message, /no command can run/);
    assert.equal(fields?.times, 3);
    assert.equal(fields?.code, 1);
    assert.match(String(fields?.command), /main\.js runner -s {2}--host_slots/);
  });

  it('has a clean record again once it has worked', () => {
    const { scheduler, started, clock } = makeCase();
    scheduler.schedule([demand(1)]);
    for (let ends = 0; ends < 3; ends += 1) {
      last(started).end({ code: 1 });
      clock.advance(10_000);
    }
    scheduler.runnerConnected(last(started).pid);
    clock.advance(10_000);
    scheduler.runnerGone(last(started).pid);
    last(started).end();
    last(started).end({ code: 1 });
    const count = started.length;
    clock.advance(1_000);
    assert.equal(started.length, count + 1);
  });

  it('is not started any more when demand has gone during the pause', () => {
    const { scheduler, started, clock } = makeCase();
    scheduler.schedule([demand(1)]);
    last(started).end({ code: 1 });
    scheduler.schedule([]);
    clock.advance(100_000);
    assert.equal(started.length, 1);
    scheduler.schedule([demand(1)]);
    assert.equal(started.length, 2);
  });

  it('is missed when it does not connect', () => {
    const { scheduler, clock, lines } = makeCase();
    scheduler.schedule([demand(1)]);
    clock.advance(120_000);
    assert.deepEqual(
      lines.map(([level, message]) => [level, message]),
      [['warn', 'the local runner has not connected yet']],
    );
  });

  it('is started without demand when a killed one left something, after the pause that an early end calls for', async () => {
    const { scheduler, started, clock } = makeCase({ hasLeavings: async () => true });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    scheduler.schedule([demand(1)]);
    scheduler.runnerConnected(100);
    scheduler.schedule([]);
    scheduler.runnerGone(100);
    scheduler.tidy();
    await turn();
    last(started).end({ code: null, signal: 'SIGKILL' });
    await turn();
    assert.equal(started.length, 1);
    clock.advance(1_000);
    await turn();
    assert.equal(started.length, 2);
    clock.advance(5_000);
    last(started).end();
    await turn();
    assert.equal(started.length, 2);
    await scheduler.cleanup();
    assert.equal(clock.timers, 0);
  });

  it('is left alone by the end of the manager, which starts no other', async () => {
    const { scheduler, started, clock } = makeCase();
    scheduler.schedule([demand(1)]);
    scheduler.runnerConnected(100);
    await scheduler.cleanup();
    assert.equal(scheduler.busy(), false);
    scheduler.runnerGone(100);
    last(started).end({ code: 1 });
    scheduler.schedule([demand(5)]);
    clock.advance(100_000);
    assert.equal(started.length, 1);
    assert.equal(clock.timers, 0);
  });

  it('may fail to start before the start returns', () => {
    let attempts = 0;
    const { scheduler, clock, lines } = makeCase({
      startRunner: (_args, ended) => {
        attempts += 1;
        ended({ code: null, signal: null, error: new Error('EAGAIN') });
        return undefined;
      },
    });
    scheduler.schedule([demand(1)]);
    clock.advance(3_500);
    assert.equal(attempts, 3);
    assert.equal(lines[0]?.[2]?.error, 'EAGAIN');
  });
});

describe('a real runner process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'wr-local-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('has a session, the environment and no input or output of the manager, and its last words are kept', async () => {
    const entryFile = join(directory, 'main.mjs');
    const told = join(directory, 'told');
    const errorFile = join(directory, 'errors');
    writeFileSync(
      entryFile,
      `import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
       const stat = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
       const files = [0, 1].map((file) => readlinkSync('/proc/self/fd/' + file));
       writeFileSync(${JSON.stringify(told)}, JSON.stringify({ args: process.argv.slice(2), session: Number(stat[3]), pid: process.pid, files, flags: Number.parseInt(/flags:\\s+(\\d+)/.exec(readFileSync('/proc/self/fdinfo/2', 'utf8'))[1], 8), env: process.env.WR_TEST }));
       console.error('I cannot go on');
       process.exit(7);`,
    );
    process.env.WR_TEST = 'yes';
    const fields = await new Promise<Fields | undefined>((resolve) => {
      const clock = new TestClock();
      const quiet = (): undefined => undefined;
      const log = {
        debug: quiet,
        info: quiet,
        warn: (_: string, found?: Fields) => resolve(found),
        error: quiet,
        crit: quiet,
      };
      const scheduler = new LocalScheduler({
        maxCores: -1,
        maxRamMb: -1,
        entryFile,
        deployment: 'development',
        server: 's:1',
        certDomain: 'd',
        logDir: '',
        syslog: false,
        errorFile,
        clock,
        log,
      });
      assert.ok(scheduler.capacity.cpus >= 1 && scheduler.capacity.memoryMb > 100);
      scheduler.schedule([demand(1)]);
      // The child does not keep a process alive, but this test has to wait for it.
      const wait = setInterval(quiet, 1_000);
      log.warn = (_, found) => {
        clearInterval(wait);
        resolve(found);
      };
    });
    delete process.env.WR_TEST;
    const found = JSON.parse(readFileSync(told, 'utf8'));
    assert.equal(found.session, found.pid);
    assert.deepEqual(found.files, ['/dev/null', '/dev/null']);
    assert.equal(found.env, 'yes');
    assert.notEqual(
      found.flags & constants.O_APPEND,
      0,
      'a runner of an earlier manager may write there too',
    );
    assert.deepEqual(found.args.slice(0, 4), ['runner', '-s', '', '--host_slots']);
    assert.equal(fields?.code, 7);
    assert.equal(fields?.pid, found.pid);
    assert.equal(fields?.said, 'I cannot go on');
  });
});
