import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AttemptEnd, classify } from '../../core/classify.ts';

function end(over: Partial<AttemptEnd>): AttemptEnd {
  return {
    exitCode: 1,
    known: true,
    memoryKill: false,
    diskFull: false,
    signalled: false,
    overTime: false,
    killed: false,
    wallMs: 1_000,
    noRetryOverWalltimeMs: 0,
    attemptsLeft: 3,
    ...over,
  };
}

const verdict = (over: Partial<AttemptEnd>) => {
  const { outcome, exitCode, reason } = classify(end(over));
  return `${outcome} ${exitCode} ${reason}`.trim();
};

describe('classify', () => {
  it('takes exit 0 as success whatever else was under way', () => {
    assert.equal(verdict({ exitCode: 0 }), 'complete 0');
    assert.equal(
      verdict({ exitCode: 0, killed: true, memoryKill: true, signalled: true, diskFull: true }),
      'complete 0',
    );
  });

  it('buries what can never run, even when it was being ended', () => {
    assert.equal(verdict({ exitCode: 126 }), 'bury 126 command permission problem');
    assert.equal(verdict({ exitCode: 127, killed: true }), 'bury 127 command not found');
    assert.equal(verdict({ exitCode: 128 }), 'bury 128 command invalid exit code');
  });

  it('names memory before disk, disk before a signal, a signal before a user', () => {
    const all = {
      exitCode: -1,
      memoryKill: true,
      diskFull: true,
      signalled: true,
      overTime: true,
      killed: true,
    };
    assert.equal(verdict(all), 'release -1 command used too much RAM');
    assert.equal(verdict({ ...all, memoryKill: false }), 'release -1 ran out of disk space');
    assert.equal(
      verdict({ ...all, memoryKill: false, diskFull: false }),
      'release -1 command used too much time',
    );
    assert.equal(
      verdict({ exitCode: -1, signalled: true, killed: true }),
      'release -1 runner received a signal to stop',
    );
    assert.equal(verdict({ exitCode: -1, killed: true }), 'bury -1 killed by user request');
  });

  it('lets an exit of its own decide when a signal or a full disk was noticed just then', () => {
    assert.equal(verdict({ exitCode: 3, signalled: true }), 'release 3 command exited non-zero');
    assert.equal(verdict({ exitCode: 3, diskFull: true }), 'release 3 command exited non-zero');
  });

  it('believes in a memory kill when the shell only passes on that its child was killed', () => {
    assert.equal(verdict({ exitCode: 137, memoryKill: true }), 'release 137 command used too much RAM');
    assert.equal(verdict({ exitCode: 1, memoryKill: true }), 'release 1 command exited non-zero');
  });

  it('buries a plain failure that ran too long to be worth a retry, while there are any', () => {
    const long = { wallMs: 5_001, noRetryOverWalltimeMs: 5_000 };
    assert.equal(verdict(long), 'bury 1 command exited non-zero');
    assert.equal(verdict({ ...long, attemptsLeft: 0 }), 'release 1 command exited non-zero');
    assert.equal(verdict({ ...long, wallMs: 5_000 }), 'release 1 command exited non-zero');
    assert.equal(
      verdict({ ...long, exitCode: -1, signalled: true }),
      'release -1 runner received a signal to stop',
    );
  });

  it('reports 255 when nobody could learn how the command ended', () => {
    assert.equal(verdict({ known: false, exitCode: 0 }), 'release 255 command failed to complete normally');
  });
});
