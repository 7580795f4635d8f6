import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeLog } from '../../cli/log.ts';
import { WrError } from '../../core/errors.ts';

const logged = (colour: boolean) => {
  const lines: string[] = [];
  const now = () => new Date(2026, 10, 3, 7, 4, 8);
  return { lines, log: makeLog({ write: (line) => lines.push(line), colour, now }) };
};

describe('messages', () => {
  it('have the level, the local time and the text', () => {
    const { lines, log } = logged(false);
    log.info('hello');
    log.warn('careful');
    assert.deepEqual(lines, ['INFO[11-03|07:04:08] hello\n', 'WARN[11-03|07:04:08] careful\n']);
  });

  it('colour only the level', () => {
    const { lines, log } = logged(true);
    log.error('bad');
    assert.deepEqual(lines, ['\u001B[31mERROR\u001B[0m[11-03|07:04:08] bad\n']);
  });

  it('say of an error what to do', () => {
    const { lines, log } = logged(false);
    log.error(new WrError('NO_MANAGER', 'nobody there'));
    assert.match(lines[0] ?? '', /^ERROR\[.*\] nobody there — start one with wr manager start/);
  });

  it('of debugging are silent unless wanted', () => {
    const { lines, log } = logged(false);
    log.debug('detail');
    assert.deepEqual(lines, []);
  });
});
