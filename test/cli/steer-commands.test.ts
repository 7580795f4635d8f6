import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import { whatRuns } from '../../cli/steer.ts';
import { WrError } from '../../core/errors.ts';
import type { SteeredReply } from '../../core/protocol-control.ts';
import { type Answer, FakeLink, fakeContext, never } from './fake-link.ts';

async function wr(argv: readonly string[], answer: Answer = () => never()) {
  const link = new FakeLink(answer);
  const context = fakeContext(link);
  const code = await main('wr', argv, context);
  return { code, stdout: context.stdout(), stderr: context.stderr(), asked: link.asked };
}

const changed =
  (n: number, eligible: number): Answer =>
  (request) => ({ type: 'changed', id: request.id, changed: n, eligible });

const steered =
  (figures: Partial<SteeredReply> = {}): Answer =>
  (request) => ({
    type: 'steered',
    id: request.id,
    running: 2,
    lost: 0,
    expectedMs: 90_000,
    pid: 1,
    ...figures,
  });

describe('suspend and resume', () => {
  it('say on STDOUT how many of how many', async () => {
    const suspend = await wr(['suspend', '-i', 'g'], changed(2, 3));
    assert.deepEqual(
      [suspend.code, suspend.stdout, suspend.stderr],
      [0, 'Suspended 2 queued commands (out of 3 matching)\n', ''],
    );
    const resume = await wr(['resume', '-a'], changed(1, 1));
    assert.equal(resume.stdout, 'Resumed 1 suspended commands (out of 1 matching)\n');
    assert.deepEqual([suspend.asked[0]?.type, resume.asked[0]?.type], ['suspend', 'resume']);
    assert.equal((await wr(['suspend', '-a'], changed(0, 4))).code, 0);
  });

  it('fail when nothing is selected, and without one selector', async () => {
    for (const name of ['suspend', 'resume']) {
      const none = await wr([name, '-i', 'g'], changed(0, 0));
      assert.equal(none.code, 1);
      assert.match(none.stderr, /no matching jobs found/);
      assert.match((await wr([name])).stderr, /one of -f, -i, -l or -a is required/);
      assert.match((await wr([name, '-a', '-i', 'g'])).stderr, /mutually exclusive/);
      for (const flag of ['-z', '-y'])
        assert.match((await wr([name, '-a', flag])).stderr, /-z and -y need -i/);
      assert.match(
        (await wr([name, '-y', '-i', 'xyz'])).stderr,
        /"xyz" is no internal id: one has 32 hex digits/,
      );
    }
  });

  it('never ask about complete commands', async () => {
    const plain: Answer = (request) =>
      request.type === 'status'
        ? { type: 'plainPage', id: request.id, text: Buffer.from(''), buried: 0, last: true }
        : { type: 'changed', id: request.id, changed: 1, eligible: 1 };
    const { asked, code } = await wr(['suspend', '-l', 'echo 1'], plain);
    assert.equal(code, 1);
    assert.equal(asked[0]?.type === 'status' && asked[0].states.includes('complete'), false);
    assert.ok(asked[0]?.type === 'status' && asked[0].states.length > 0);
  });
});

describe('pausing, resuming and draining a manager', () => {
  it('tells how many commands run, and until when', () => {
    const told = (running: number, expectedMs: number, lost = 0): string =>
      whatRuns({ type: 'steered', id: 1, running, lost, expectedMs, pid: 1 });
    assert.equal(told(0, 0), 'no commands are running');
    assert.equal(told(1, 61_500), '1 command is still running, which should end in less than 1m2s');
    assert.equal(told(1, 0), '1 command is still running, which should already be done');
    assert.equal(
      told(3, 3_600_000),
      '3 commands are still running, which should all end in less than 1h0m0s',
    );
    assert.equal(told(3, 0), '3 commands are still running, which should already be done');
    assert.equal(told(0, 0, 2), 'no commands are running; contact was lost with 2 more');
  });

  it('names the port, and exits 0', async () => {
    const pause = await wr(['manager', 'pause'], steered());
    assert.equal(pause.code, 0);
    assert.match(pause.stderr, /INFO\[.*wr manager on port \d+ is paused; 2 commands are still running/);
    assert.match((await wr(['manager', 'resume'], steered())).stderr, /on port \d+ has resumed/);
    assert.match((await wr(['manager', 'drain'], steered())).stderr, /on port \d+ is draining; 2 commands/);
    assert.equal(pause.asked[0]?.type === 'steer' && pause.asked[0].to, 'pause');
  });

  it('says so when the manager drains already, or is not there', async () => {
    const draining: Answer = () => {
      throw new WrError('DRAINING', 'the manager is draining: it cannot pause');
    };
    const pause = await wr(['manager', 'pause'], draining);
    assert.equal(pause.code, 1);
    assert.match(pause.stderr, /is draining: it cannot pause/);
    const away: Answer = () => {
      throw new WrError('NO_MANAGER', 'no manager answers');
    };
    for (const verb of ['pause', 'resume', 'drain']) {
      assert.equal((await wr(['manager', verb], away)).code, 1);
    }
  });

  it('wants a path for a backup, in a directory that is there', async () => {
    const none = await wr(['manager', 'backup']);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /--path is required/);
    const nowhere = await wr(['manager', 'backup', '-p', '/nowhere/at/all']);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /--path value \(\/nowhere\/at\/all\): there is no directory \/nowhere\/at/);
  });
});
