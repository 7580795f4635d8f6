import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrError } from '../../core/errors.ts';
import { asDefect } from '../../server/defects.ts';
import { Life } from '../../server/life.ts';

function makeLife(): { life: Life; told: string[]; failures: string[] } {
  const told: string[] = [];
  const failures: string[] = [];
  const log = { error: (message: string) => void told.push(message) };
  return { life: new Life(log, ({ message }) => failures.push(message), 20), told, failures };
}

describe('the life of a manager process', () => {
  it('closes what was opened in the reverse order, also when one of it cannot be closed', async () => {
    const { life, told } = makeLife();
    const closed: string[] = [];
    life.onEnd(() => void closed.push('pid file'));
    life.onEnd(() => Promise.reject(new Error('stuck')));
    life.onEnd(async () => void closed.push('store'));
    life.stop('it was asked to');
    assert.equal(await life.stopped, 'it was asked to');
    await life.end();
    assert.deepEqual(closed, ['store', 'pid file']);
    assert.deepEqual(told, ['the manager could not close something']);
    assert.equal(life.failure, undefined);
  });

  it('tells the first failure at once and stops all writing, and tells others as what follows', async () => {
    const { life, told, failures } = makeLife();
    const halted: string[] = [];
    life.onFailure(({ code }) => void halted.push(code));
    life.fail(new WrError('STORE_FAILED', 'the disk is gone'));
    assert.deepEqual([failures, halted], [['the disk is gone'], ['STOPPING']]);
    life.fail(new Error('so is this'));
    await assert.rejects(life.failed, { code: 'STORE_FAILED' });
    assert.deepEqual(failures, ['the disk is gone']);
    assert.deepEqual(told, ['something else failed while the manager was ending']);
    // What is opened only now is halted, too.
    life.onFailure(({ code }) => void halted.push(code));
    assert.deepEqual(halted, ['STOPPING', 'STOPPING']);
  });

  it('takes what asks something of a manager that stops for no failure', async () => {
    const { life, told, failures } = makeLife();
    life.fail(
      asDefect('a failure that nobody waited for', new WrError('STOPPING', 'the manager is stopping')),
    );
    await life.end();
    assert.deepEqual([told, failures, life.failure], [[], [], undefined]);
  });

  it('waits no longer than so long for what hangs, once something has failed', async () => {
    const { life, told } = makeLife();
    let released = false;
    life.onEnd(() => {
      released = true;
    });
    life.onEnd(() => new Promise(() => undefined));
    const ended = life.end();
    life.fail(new Error('the disk hangs'));
    await ended;
    assert.ok(released);
    assert.deepEqual(told, ['the manager could not close everything in time']);
  });
});
