import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { killRunnerCommand, parsePsAnswer, psCommand, wasKilled } from '../../core/ps-check.ts';

const shell = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

describe('asking another host for processes', () => {
  it('asks for the shell itself, too, in one command', () => {
    assert.equal(
      psCommand([5, 7, 9]),
      'echo wr-ps-batch $$; ps -o pid=,stat= -p 5,$$,7,9 2>/dev/null || test $? -eq 1',
    );
  });

  it('is understood by a real shell: who is there is alive, who is not is not', () => {
    const alive = parsePsAnswer(shell(psCommand([process.pid, 4_194_303])));
    assert.equal(alive?.has(process.pid), true);
    assert.equal(alive?.has(4_194_303), false);
    assert.equal(parsePsAnswer(shell(psCommand([4_194_303])))?.has(4_194_303), false);
  });

  it('takes those that have ended and wait to be collected for gone', () => {
    const alive = parsePsAnswer('wr-ps-batch 10\n   10 Ss\n    5 Z+\n    7 R\n');
    assert.deepEqual(
      [5, 7].map((pid) => alive?.has(pid)),
      [false, true],
    );
  });

  it('knows nothing from answers that are empty, cut off, garbled, of something else, or without the shell', () => {
    const answers = [
      '',
      'wr-ps-batch 10\n',
      'wr-ps-batch 10\n   10 Ss\n    5 S',
      '   10 Ss\n    5 S\n',
      'wr-ps-batch 10\n    5 S\n',
      'wr-ps-batch ten\n   10 Ss\n',
      'wr-ps-batch 10\n   10 Ss\nps: out of memory\n',
      'Welcome!\nLast login: today\n',
    ];
    for (const answer of answers) assert.equal(parsePsAnswer(answer), null, JSON.stringify(answer));
    // What a login says before is no harm.
    assert.notEqual(parsePsAnswer('Welcome!\nwr-ps-batch 10\n   10 Ss\n'), null);
  });

  it('kills nothing that is no runner', () => {
    assert.equal(wasKilled(shell(killRunnerCommand(process.pid))), false);
    assert.equal(wasKilled('wr-killed\n'), true);
  });
});
