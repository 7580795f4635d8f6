/** Lost commands on another host: a real sshd, a real ssh and real processes; only the manager's clock is not. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MARK_NAME } from '../../core/attempt-mark.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { stateName } from '../../core/states.ts';
import { birthOf } from '../../server/host.ts';
import { findMarked } from '../../server/marked.ts';
import { sshRunner } from '../../server/run-on-host.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { Sshd, withoutSshd } from './sshd.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const MINUTE = 60_000;
const PATIENCE_MS = 60_000;
/** No other test sleeps for so long. */
const SLEEP = 87_654;

interface Lost {
  readonly harness: ManagerHarness;
  readonly peer: TestPeer;
  readonly mark: string;
  readonly token: number;
  /** Commands that were run on the other host. */
  readonly asked: { readonly done: number };
}

describe('lost commands on another host, over ssh', { skip: withoutSshd() }, () => {
  let sshd: Sshd;
  const children: ChildProcess[] = [];

  before(async () => {
    sshd = await Sshd.start(['far', 'away']);
  });
  after(async () => {
    for (const child of children) killGroup(child);
    await sshd?.stop();
  });

  /** A process in a group of its own. */
  const run = (command: string, mark = ''): ChildProcess => {
    const env = { PATH: process.env.PATH, ...(mark === '' ? {} : { [MARK_NAME]: mark }) };
    const child = spawn('/bin/sh', ['-c', command], { env, stdio: 'ignore', detached: true });
    children.push(child);
    return child;
  };

  /** A command was handed to a runner of `far`, which has just died. */
  const handOut = async (retries: number): Promise<Lost> => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    const asked = { done: 0 };
    const overSsh = sshRunner(sshd.key, sshd.ssh);
    harness.runOnHost = (host, command) => overSsh(host, command).finally(() => (asked.done += 1));
    await harness.add('a\n', { retries });
    const runner = run('exit 0');
    await ended(runner);
    const peer = new TestPeer();
    harness.send(peer, {
      type: 'hello',
      id: 1,
      runnerId: `${process.pid}-${runner.pid}`,
      host: 'far',
      ip: '10.0.0.9',
      pid: runner.pid ?? 0,
      birth: 5,
      group: GROUP,
      holding: [],
    });
    const { jobs } = await harness.reserve(peer, GROUP, 1);
    const token = jobs[0]?.attempt ?? 0;
    return { harness, peer, token, asked, mark: `${token}-${process.pid}-${runner.pid}` };
  };

  const started = async (
    { harness, peer, token }: Lost,
    { pid = 0 }: ChildProcess,
    birth = birthOf(pid) ?? 0,
  ): Promise<void> => {
    const startedMs = harness.clock.nowMs();
    const event = { event: 'started', attempt: token, pid, startedMs } as const;
    harness.send(peer, { type: 'report', id: 2, events: [event] });
    const none = new Uint8Array(0);
    const usage = { peakRamMb: 1, peakDiskMb: 0, cpuMs: 1, stdout: none, stderr: none };
    harness.send(peer, { type: 'touch', id: 3, attempts: [{ attempt: token, birth, ...usage }] });
    await settle();
  };

  /** Waits in real time for what ssh brings; the manager's clock moves on a little. */
  const becomes = async ({ harness }: Lost, state: string): Promise<void> => {
    const untilMs = performance.now() + PATIENCE_MS;
    while (stateName(harness.manager.queue.state(1)) !== state) {
      if (performance.now() > untilMs)
        assert.fail(`${state} was expected, not ${stateName(harness.manager.queue.state(1))}\n${sshd.said}`);
      await pause(20);
      await harness.clock.advance(250);
    }
    harness.check();
  };

  /** Waits until the other host has answered so often, and what it said has been taken in. */
  const asks = async ({ harness, asked }: Lost, count: number): Promise<void> => {
    const untilMs = performance.now() + PATIENCE_MS;
    while (asked.done < count) {
      assert.ok(performance.now() < untilMs, `answered ${asked.done} times, not ${count}\n${sshd.said}`);
      await pause(20);
      await harness.clock.advance(250);
    }
    await settle();
  };

  const kill = async ({ harness, peer }: Lost): Promise<void> => {
    const select = { by: 'all' } as const;
    harness.send(peer, { type: 'kill', id: 9, requestId: 'k', select, confirmDead: false, ageMs: 0 });
    await settle();
  };

  it('have failed when they and their runner are gone', async () => {
    const lost = await handOut(0);
    const command = run('exit 0');
    await ended(command);
    await started(lost, command, 7);
    await lost.harness.clock.advance(MINUTE);
    await becomes(lost, 'buried');
  });

  it('have failed when their process ids are those of others by now', async () => {
    const lost = await handOut(0);
    const other = run(`sleep ${SLEEP}`);
    await started(lost, other, 7);
    await lost.harness.clock.advance(MINUTE);
    await becomes(lost, 'buried');
    assert.equal(isThere(other), true);
  });

  it('are waited for while they run, and ended with all that came of them when someone asks for it', async () => {
    const lost = await handOut(3);
    const daemon = `(setsid sleep ${SLEEP} > /dev/null 2>&1 &)`;
    // One lets go of its mark and one does not want to end.
    const command = run(`trap "" TERM; ${daemon}; env -i sleep ${SLEEP} & sleep ${SLEEP}; true`, lost.mark);
    const bystander = run(`sleep ${SLEEP}; true`, '999-someone-else');
    await started(lost, command);
    await lost.harness.clock.advance(MINUTE);
    await becomes(lost, 'lost');
    await asks(lost, 1);
    const { done } = lost.asked;
    await lost.harness.clock.advance(30 * MINUTE);
    await asks(lost, done + 1);
    assert.equal(stateName(lost.harness.manager.queue.state(1)), 'lost');
    assert.equal(isThere(command), true);
    await kill(lost);
    await becomes(lost, 'buried');
    assert.equal(isThere(command), false);
    assert.deepEqual((await findMarked(new Set([lost.mark]))).size, 0);
    assert.equal(isThere(bystander), true);
  });

  it('are found at work though nobody told of their start, and not started again', async () => {
    const lost = await handOut(0);
    const command = run(`sleep ${SLEEP}; true`, lost.mark);
    await lost.harness.clock.advance(MINUTE);
    const attempt = lost.harness.manager.queue.attempts.byToken(lost.token);
    const untilMs = performance.now() + PATIENCE_MS;
    while (attempt?.startedMs === 0 && performance.now() < untilMs) {
      await pause(20);
      await lost.harness.clock.advance(250);
    }
    assert.equal(attempt?.pid, command.pid);
    assert.equal(attempt?.birth, birthOf(command.pid ?? 0));
    killGroup(command);
    await ended(command);
    await lost.harness.clock.advance(30 * MINUTE);
    await becomes(lost, 'buried');
  });

  it('are handed out again when they were not started', async () => {
    const lost = await handOut(0);
    await lost.harness.clock.advance(MINUTE);
    await becomes(lost, 'ready');
  });
});

describe('a command over ssh', { skip: withoutSshd() }, () => {
  let sshd: Sshd;

  before(async () => {
    sshd = await Sshd.start(['far']);
  });
  after(() => sshd?.stop());

  it('is run though the settings of ssh name another, a terminal and a connection that stays', async () => {
    assert.equal(
      await sshRunner(sshd.key, sshd.ssh)('far', 'echo "$((1 + 1))"; tty; true'),
      '2\nnot a tty\n',
    );
  });

  it('fails, saying why, for a host that is not known, that is none, and for a key that opens nothing', async () => {
    await assert.rejects(sshRunner(sshd.key, sshd.ssh)('nowhere.invalid', 'true'), /nowhere\.invalid/);
    for (const name of ['-oProxyCommand=true', 'far;true', '$(true)', ''])
      await assert.rejects(sshRunner(sshd.key, sshd.ssh)(name, 'true'), /is no name of a host/);
    await assert.rejects(sshRunner('', sshd.ssh)('far', 'true'), /Permission denied/);
    await assert.rejects(sshRunner(sshd.key, '/nowhere/ssh')('far', 'true'), /there is no ssh here/);
  });

  it('is given up when the host does not answer, without a question to anybody', async () => {
    sshd.freeze();
    const fromMs = performance.now();
    await assert.rejects(sshRunner(sshd.key, sshd.ssh)('far', 'true'), /timed out|did not come back/i);
    assert.ok(performance.now() - fromMs < 20_000);
  });
});

function isThere({ pid = 0 }: ChildProcess): boolean {
  return birthOf(pid) !== null;
}

/** All of a command is in one of these. */
function killGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}
