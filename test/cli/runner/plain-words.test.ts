import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { allowsPlainWords, Programs, plainWords } from '../../../cli/runner/plain-words.ts';
import { chooseSeed, pick, seeded } from '../../random.ts';
import { withRunner } from './harness.ts';

const USUAL_PATH = '/usr/local/bin:/usr/bin:/bin';

describe('commands of plain words', () => {
  it('are a program and words that every shell takes as they are', () => {
    for (const text of [
      'samtools view -b /data/a_1.cram -o /out/a_1.bam',
      '  ls\t-l  ',
      "grep 'a b; $c' file",
      'sort -k1,1 --key=2 "two words"',
      'a.out +x user@host:/p 50%',
    ])
      assert.notEqual(plainWords(text), null, text);
  });

  it('hold nothing that a shell expands, redirects, joins, assigns or does itself', () => {
    for (const text of [
      '',
      ' ',
      'a | b',
      'a;b',
      'a && b',
      'a > b',
      'a < b',
      'a &',
      'a $b',
      'a `b`',
      'a *',
      'a ?',
      'a [b]',
      'a {b,c}',
      'a ~',
      'a # b',
      'a \\b',
      'a "$b"',
      'a "b!c"',
      "a 'b",
      'a "b',
      'A=b c',
      '%1',
      '!a',
      'a\nb',
      '(a)',
      'cd /tmp',
      'exit 3',
      'time ls',
      'if a',
      'printf a',
      'kill 1',
      'echo -n a',
      'echo "-e" a',
      "echo 'a\\nb'",
      'a é',
    ])
      assert.equal(plainWords(text), null, text);
  });

  it('need a shell after all where its own files, settings or functions could matter', () => {
    assert.ok(allowsPlainWords('/bin/bash', new Map([['A', 'b']])));
    assert.ok(!allowsPlainWords('/bin/zsh', new Map()));
    for (const name of ['BASH_ENV', 'ENV', 'SHELLOPTS', 'BASH_FUNC_ls%%'])
      assert.ok(!allowsPlainWords('/bin/bash', new Map([[name, '']])), name);
  });

  it('need a shell after all for what is no program of this machine', () => {
    const dir = mkdtempSync(join(tmpdir(), 'wr-test-'));
    try {
      const find = (text: string, path = `${dir}:${USUAL_PATH}`) =>
        new Programs(() => 0).plainCommand(text, path);
      writeFileSync(join(dir, 'script'), '#!/bin/sh\n', { mode: 0o755 });
      writeFileSync(join(dir, 'text'), 'echo no program, but bash would run it', { mode: 0o755 });
      copyFileSync('/bin/ls', join(dir, 'closed'));
      chmodSync(join(dir, 'closed'), 0o644);
      writeFileSync(join(dir, 'other-machine'), otherMachine(), { mode: 0o755 });
      copyFileSync('/bin/ls', join(dir, 'good'));
      chmodSync(join(dir, 'good'), 0o755);
      for (const text of ['script', 'text', 'other-machine', 'nothing-there', './good', `${dir}/text`, dir])
        assert.equal(find(text), null, text);
      assert.equal(find('good', `relative:${dir}`), null);
      if (process.getuid?.() !== 0) assert.equal(find('closed'), null);
      assert.deepEqual(find(' good a "b"'), { text: 'good a "b"', program: join(dir, 'good') });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('mean to the launcher what they mean to bash, whatever the words', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const pieces = ['a', 'B9', "'", '"', ' ', '  ', '\t', '-', '.', '/', ',', ':', '=', '@', '%', '+'];
    const odd = ['$', '\\', '~', '*', '#', '{', '}', '!', '^', '[', ']', ';', '\n', 'é'];
    const texts: string[] = [];
    while (texts.length < 150) {
      let text = "/usr/bin/printf '<%s>' ";
      for (let i = pick(random, 12); i >= 0; i -= 1) {
        const from = random() < 0.93 ? pieces : odd;
        text += from[pick(random, from.length)];
      }
      const latin1 = Buffer.from(text).toString('latin1');
      if (plainWords(latin1) !== null) texts.push(latin1);
    }
    for (const text of texts) {
      const [bash, sh] = ['bash', 'sh'].map((shell) =>
        spawnSync(shell, ['-c', Buffer.from(text, 'latin1').toString()]),
      );
      assert.equal(String(sh?.stdout), String(bash?.stdout), `seed ${seed}: ${JSON.stringify(text)}`);
      assert.equal(sh?.status, bash?.status, `seed ${seed}: ${JSON.stringify(text)}`);
    }
  });

  it('have the environment that bash would give them', async () => {
    await withRunner(
      async ({ manager, dir }) => {
        const like = { options: { env: ['X=two words', 'SHLVL=3'] } };
        const warm = manager.add(
          'g',
          Array.from({ length: 40 }, () => ({ cmd: 'true', ...like })),
        );
        for (const attempt of warm) await manager.untilEnded(attempt);
        const attempts = manager.add('g', [
          { cmd: `cp /proc/self/environ ${dir}/plain`, ...like },
          { cmd: 'cp /proc/self/environ "$WR_JOB_CWD"/shell', ...like },
          { cmd: 'no-such-program-here', ...like },
        ]);
        const codes: number[] = [];
        for (const attempt of attempts) codes.push((await manager.untilEnded(attempt)).exitCode);
        assert.deepEqual(codes, [0, 0, 127]);
        const [plain, shell] = ['plain', 'shell'].map((name) =>
          readFileSync(join(dir, name), 'latin1').split('\0'),
        );
        const own = (entry: string): boolean => !/^(TMPDIR|PWD|WR_ATTEMPT)=/.test(entry);
        assert.deepEqual(plain?.filter(own).sort(), shell?.filter(own).sort());
        assert.ok(plain?.some((entry) => entry.startsWith('_=/') && entry.endsWith('/cp')));
      },
      { slots: 1 },
    );
  });
});

function otherMachine(): Buffer {
  const bytes = readFileSync('/bin/ls');
  bytes[18] = 0x7f;
  return bytes;
}
