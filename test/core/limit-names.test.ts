import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkLimitGroups,
  limitGroupNames,
  limitGroupWarning,
  parseLimitFlag,
  parseLimitGroup,
} from '../../core/limit-names.ts';

const refused = (message: RegExp) => ({ code: 'BAD_OPTION', message });

describe('limit groups', () => {
  it('lose a suffix that is a whole number, and only that', () => {
    assert.deepEqual(parseLimitGroup('irods:10'), { name: 'irods', limit: 10 });
    assert.deepEqual(parseLimitGroup('irods:0'), { name: 'irods', limit: 0 });
    for (const none of ['irods:-1', 'irods:-7']) assert.deepEqual(parseLimitGroup(none).limit, -1);
    for (const name of [
      'irods',
      'irods:x',
      'a:b:3',
      '12:00:00<time',
      'time<12:00:00',
      '25:00:00<time<26:00:00',
    ])
      assert.deepEqual(parseLimitGroup(name), { name, limit: null });
    assert.deepEqual(limitGroupNames(['time<12:00:00', 'a:1']), ['a', 'time<12:00:00']);
  });

  it('stand each once, in order, as they were given; the last limit counts', () => {
    assert.deepEqual(checkLimitGroups(['b:2', 'a', 'b', 'a:1', 'a'], '--limit_grps'), ['a:1', 'b:2']);
    assert.deepEqual(checkLimitGroups(['b:2', 'b:3'], '--limit_grps'), ['b:3']);
  });

  it('refuse names that would be taken for several, with the option, the value and the form', () => {
    const names = /^limit_grps value \(a,b\) .* names of limit groups hold no comma, no ~/;
    assert.throws(() => checkLimitGroups(['a,b'], 'limit_grps'), refused(names));
    assert.throws(() => checkLimitGroups(['a~b:2'], '--limit_grps'), refused(/no comma, no ~/));
    assert.throws(() => checkLimitGroups(['a\nb'], '--limit_grps'), refused(/no control characters/));
    assert.throws(
      () => checkLimitGroups([`${'x'.repeat(513)}:3`], '--limit_grps'),
      refused(/at most 512 bytes/),
    );
    assert.throws(() => checkLimitGroups([':2'], '--limit_grps'), refused(/needs a name: name or name:n/));
    assert.throws(() => checkLimitGroups(['a:99999999999999999999'], 'x'), refused(/a limit is at most/));
  });

  it('have no blanks around them, and no limit below any number', () => {
    assert.deepEqual(checkLimitGroups([' b ', 'a :2', ' a b:3'], '--limit_grps'), ['a:2', 'a b:3', 'b']);
    assert.deepEqual(parseLimitFlag(' foo:2'), { name: 'foo', limit: 2 });
    assert.deepEqual(parseLimitFlag('foo:-1'), { name: 'foo', limit: -1 });
    for (const below of ['foo:-2', 'foo:-10', 'foo:-19', 'foo:-03']) {
      const message = /^--group value \(foo:-\d+\) .* 0 for none, -1 for any number$/;
      assert.throws(() => parseLimitFlag(below), refused(message), below);
      assert.throws(() => checkLimitGroups([below], '--limit_grps'), refused(/-1 for any number/), below);
    }
    assert.throws(() => parseLimitFlag(' '), refused(/needs a name/));
  });

  it('warn of what looks like a limit and is none', () => {
    assert.match(limitGroupWarning('irods:1O') ?? '', /"irods:1O" has no limit, for "1O" is no whole number/);
    assert.match(limitGroupWarning('25:00:00<time') ?? '', /no span of time/);
    for (const fine of ['irods', 'irods:10', '10:00:00<time', 'time < 10:00:00'])
      assert.equal(limitGroupWarning(fine), null, fine);
  });

  it('are named to wr limit with a number or none', () => {
    assert.deepEqual(parseLimitFlag('a'), { name: 'a', limit: null });
    assert.deepEqual(parseLimitFlag('a:3'), { name: 'a', limit: 3 });
    assert.deepEqual(parseLimitFlag('10:00:00<time'), { name: '10:00:00<time', limit: null });
    const number = /^--group value \(a:many\) .* must be a whole number, 0 for none, -1 for any number$/;
    assert.throws(() => parseLimitFlag('a:many'), refused(number));
    assert.throws(() => parseLimitFlag('a:'), refused(/whole number/));
    assert.throws(() => parseLimitFlag('a:1.5'), refused(/whole number/));
    const time = /\(25:00:00<time\) .* no valid span of time: times go from 00:00:00 to 23:59:59/;
    assert.throws(() => parseLimitFlag('25:00:00<time'), refused(time));
    assert.throws(() => parseLimitFlag('2030-02-30 00:00:00<datetime'), refused(/no valid span of time/));
    assert.throws(() => parseLimitFlag(''), refused(/needs a name/));
    assert.throws(() => parseLimitFlag('a~b:1'), refused(/no comma, no ~/));
  });
});
