import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobKey, jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { GROUP, runJobs } from './manager-steps.ts';

async function explained(harness: ManagerHarness, command: string) {
  const peer = new TestPeer();
  harness.send(peer, { type: 'explain', id: 3, key: jobKey(command, DEFAULT_JOB_OPTIONS) });
  await settle();
  const { job, reasons } = peer.last('explained');
  return {
    state: job?.State,
    said: reasons.map(({ cause, text }) => `${cause}: ${text}`),
    todo: reasons.map(({ todo }) => todo),
  };
}

describe('explaining', () => {
  it('counts those that are served before a ready command: of higher priority, or added earlier', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(
      'a\nb\nc\t{"priority":9}\nd\nother\t{"memory":"9G","priority":200}\ne\t{"priority":9}\n',
    );
    const before = async (command: string) => (await explained(harness, command)).said[0];
    assert.match((await before('d')) ?? '', /; 4 that ask for the same are before it$/);
    assert.match((await before('a')) ?? '', /; 2 that ask for the same are before it$/);
    assert.match((await before('c')) ?? '', /; it is the next of those that ask for the same$/);
    await runJobs(harness, 1, 'complete');
    assert.match((await before('d')) ?? '', /; 3 that ask for the same are before it$/);
  });

  it('names the limit groups that are full', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { limitGroups: ['one:1', 'wide:9'] });
    const group = `${GROUP}~one,wide`;
    const runner = await harness.connectRunner(group);
    await harness.reserve(runner, group, 1);
    assert.deepEqual((await explained(harness, 'b')).said, [
      'limit: its limit group "one" lets 1 run at once, and 1 do',
    ]);
    assert.match((await explained(harness, 'a')).said[0] ?? '', /^running: it has been handed to a runner/);
  });

  it('names the dependencies that are still waited for, and not those whose commands completed', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('over\n', { depGroups: ['done'] });
    await runJobs(harness, 1, 'complete');
    await harness.add('under way\n', { depGroups: ['open'] });
    await harness.add('waits\n', { deps: ['done', 'open', 'never'] });
    const { state, said } = await explained(harness, 'waits');
    assert.equal(state, 'dependent');
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /nothing was ever added: "never"$/);
    assert.match(said[1] ?? '', /have not completed: "open" \(1 ready\)$/);
  });

  it('counts by state whom a command waits for, each once, and names those that are buried', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('bad\n', { depGroups: ['g', 'h'], retries: 0 });
    await harness.add('also bad\n', { depGroups: ['h'], retries: 0 });
    await runJobs(harness, 2, 'bury');
    await harness.add('over\n', { depGroups: ['g'] });
    await runJobs(harness, 1, 'complete');
    await harness.add('{"cmd":"one","dep_grps":["g"]}\n{"cmd":"two","dep_grps":["g"]}\n{"cmd":"alone"}\n');
    await harness.add('of another group\n', { depGroups: ['i'] });
    await harness.add(
      '{"cmd":"waits","deps":["g","h"],"cmd_deps":[{"cmd":"alone","cwd":""},{"cmd":"one","cwd":""}]}\n',
    );
    const { said, todo } = await explained(harness, 'waits');
    assert.equal(said.length, 1);
    assert.match(
      said[0] ?? '',
      /have not completed: "g", "h", "alone", "one" \((3 ready, 2 buried|2 buried, 3 ready)\)$/,
    );
    assert.ok(todo[0]?.includes(`wr explain ${jobKeyHex('bad', DEFAULT_JOB_OPTIONS)}`), todo[0]);
  });

  it('tells of a failure, its back-off, a burial and a success', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n', { retries: 1 });
    await runJobs(harness, 1, 'release');
    const delayed = await explained(harness, 'a');
    assert.equal(delayed.state, 'delayed');
    assert.match(
      delayed.said[0] ?? '',
      /^backoff: it failed \(command exited non-zero, exit code 1\) .* in 45s; 1 attempt left/,
    );
    await harness.clock.advance(46_000);
    await runJobs(harness, 1, 'release');
    assert.match(
      (await explained(harness, 'a')).said[0] ?? '',
      /^buried: it was buried after 2 attempts: command exited/,
    );
    await harness.add('b\n');
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(3_000);
    const done = await explained(harness, 'b');
    assert.deepEqual([done.state, done.said.length], ['complete', 1]);
    assert.match(done.said[0] ?? '', /^complete: it completed on /);
  });

  it('knows nothing of a command that was never added', async () => {
    const harness = await ManagerHarness.start();
    assert.deepEqual(await explained(harness, 'nobody'), { state: undefined, said: [], todo: [] });
  });
});
