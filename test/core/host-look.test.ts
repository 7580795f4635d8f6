import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { MARK_NAME } from '../../core/attempt-mark.ts';
import {
  endCommand,
  isHostName,
  isSafeMark,
  lookCommand,
  parseEndAnswer,
  parseLookAnswer,
} from '../../core/host-look.ts';

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

const shell = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

function sleeper(mark: string): ChildProcess & { readonly pid: number } {
  const child = spawn('sleep', ['54321'], { env: { ...process.env, [MARK_NAME]: mark }, stdio: 'ignore' });
  children.push(child);
  assert.ok(child.pid !== undefined);
  return child as ChildProcess & { readonly pid: number };
}

function look(pids: readonly number[], marks: readonly string[]) {
  const found = parseLookAnswer(shell(lookCommand(pids, marks)));
  assert.ok(found !== null);
  return found;
}

const exited = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once('exit', resolve));

describe('a closer look at a host', () => {
  it('tells when processes began, and which came of an attempt', () => {
    const mark = `1-${process.pid}-look`;
    const { pid } = sleeper(mark);
    const { births, marked } = look([pid, 4_194_303], [mark, '2-nobody']);
    const birth = births.get(pid) ?? 0;
    assert.ok(birth > 0);
    assert.equal(births.has(4_194_303), false);
    assert.deepEqual([...marked], [[mark, [{ pid, birth }]]]);
  });

  it('is understood by the shells that users have', () => {
    for (const program of ['bash', 'dash']) {
      const answer = execFileSync(program, ['-c', lookCommand([process.pid], [])], { encoding: 'utf8' });
      assert.equal(parseLookAnswer(answer)?.births.has(process.pid), true, program);
    }
  });

  it('knows nothing from answers that are empty, cut off, garbled, or do not show that it sees', () => {
    const whole = 'wr-look 7\n5 12\n7 99\n7 99 wr-look\nwr-look end\n';
    assert.equal(parseLookAnswer(whole)?.births.get(5), 12);
    assert.notEqual(parseLookAnswer(`Welcome!\n${whole}`), null);
    const answers = [
      '',
      whole.slice(0, -12),
      whole.replace('7 99 wr-look\n', ''),
      whole.replace('7 99\n', ''),
      whole.replace('7 99 wr-look', '8 99 wr-look'),
      whole.replace('5 12', 'grep: out of memory'),
      whole.replaceAll('wr-look ', 'wr-end '),
    ];
    for (const answer of answers) assert.equal(parseLookAnswer(answer), null, JSON.stringify(answer));
  });

  it('has nothing in its words that a user could have written', () => {
    for (const mark of ["1-a'b", '1-$(true)', '1-a b', 'a', '1-', '1-a;b', '1-a\nb']) {
      assert.equal(isSafeMark(mark), false, mark);
      assert.throws(() => lookCommand([], [mark]), RangeError);
      assert.throws(() => endCommand([], [mark]), RangeError);
    }
    for (const pid of [0, -1, 1.5, Number.NaN]) assert.throws(() => lookCommand([pid], []), RangeError);
    for (const name of ['-oProxyCommand=x', 'a b', '$(a)', 'a;b', '', 'user@host'])
      assert.equal(isHostName(name), false, name);
    for (const name of ['far', 'node-1.cluster', '10.0.0.1', 'fe80::1']) assert.equal(isHostName(name), true);
  });
});

describe('the end of a command on a host', () => {
  it('is that of the process of this id and start, and of what carries its mark, and of no other', async () => {
    const mark = `3-${process.pid}-end`;
    const [named, marked, other] = [sleeper('4-x'), sleeper(mark), sleeper('5-x')] as const;
    const birth = look([named.pid], []).births.get(named.pid) ?? 0;
    const wrong = look([other.pid], []).births.get(other.pid) ?? 0;
    const ends = [exited(named), exited(marked)];
    const processes = [
      { pid: named.pid, birth },
      { pid: other.pid, birth: wrong + 1 },
    ];
    // Whoever collects them does so a little later.
    parseEndAnswer(shell(endCommand(processes, [mark])));
    await Promise.all(ends);
    assert.equal(parseEndAnswer(shell(endCommand(processes, [mark]))), 0);
    assert.equal(look([other.pid], []).births.get(other.pid), wrong);
  });

  it('is not told of when the answer does not show that all was seen', () => {
    assert.equal(parseEndAnswer('wr-end 7\nleft 0 1\nwr-end end\n'), 0);
    assert.equal(parseEndAnswer('wr-end 7\nleft 2 1\nwr-end end\n'), 2);
    for (const answer of ['', 'wr-end 7\nleft 0 \nwr-end end\n', 'left 0 1\n', 'wr-end 7\nleft 0 1\n'])
      assert.equal(parseEndAnswer(answer), null, JSON.stringify(answer));
  });
});
