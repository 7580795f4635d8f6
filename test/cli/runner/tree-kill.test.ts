/** Kills of commands with process trees of every shape: nothing that came of one may be left, and nothing else be touched. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcess } from '../../../cli/runner/process-table.ts';
import { chooseSeed, pick, seeded } from '../../random.ts';
import { textOf, withRunner } from './harness.ts';

const ROUNDS = 3;

/** Ways in which a shell starts another one that lives on beside it. */
const WAYS: readonly ((script: string) => string)[] = [
  (script) => `(${script}) &`,
  (script) => `bash -c ${quoted(script)} &`,
  (script) => `setsid bash -c ${quoted(script)} &`,
  // Daemons: their parents are gone at once.
  (script) => `(bash -c ${quoted(script)} &);`,
  (script) => `(setsid bash -c ${quoted(script)} > /dev/null 2>&1 < /dev/null &);`,
  (script) => `bash -c ${quoted(`trap '' TERM HUP; ${script}`)} &`,
  (script) => `bash -mc ${quoted(`${script} & wait`)} &`,
];

/** A shell script that starts others in random ways; each writes a line once it is there. */
function tree(
  depth: number,
  random: () => number,
  file: string,
): { readonly script: string; readonly count: number } {
  let script = `echo $BASHPID >> ${file}; `;
  let count = 1;
  for (let child = 0; depth > 0 && child < 1 + pick(random, 2); child += 1) {
    const inner = tree(depth - 1, random, file);
    script += `${(WAYS[pick(random, WAYS.length)] as (inner: string) => string)(inner.script)} `;
    count += inner.count;
  }
  return { script: `${script}sleep 600`, count };
}

function quoted(script: string): string {
  return `'${script.replaceAll("'", "'\\''")}'`;
}

function withMark(mark: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && readProcess(pid) !== null && environmentOf(pid).includes(mark));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

describe('a kill', () => {
  it('leaves nothing of a command, whatever tree it has made, and touches nobody else', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
    try {
      await withRunner(async ({ manager, dir }) => {
        const [other] = manager.add('g', [{ cmd: 'sleep 600; exit 5' }]);
        for (let round = 0; round < ROUNDS; round += 1) {
          const file = join(dir, `..`, `pids${round}`);
          const { script, count } = tree(3, random, file);
          const [attempt] = manager.add('g', [{ cmd: `echo $WR_ATTEMPT > ${file}.mark; ${script}` }]);
          const pids = (): number[] => {
            try {
              return readFileSync(file, 'utf8').trim().split('\n').map(Number);
            } catch {
              return [];
            }
          };
          const patienceMs = Date.now() + 30_000;
          while (pids().length < count && Date.now() < patienceMs) await pause(5);
          assert.equal(pids().length, count, `seed ${seed}, round ${round}: ${script}`);
          await manager.until(() =>
            manager.events.some((event) => event.event === 'started' && event.attempt === attempt),
          );
          manager.push({ type: 'kill', attempts: [attempt as number] });
          const ended = await manager.untilEnded(attempt as number);
          assert.equal(ended.reason, 'killed by user request', `seed ${seed}: ${textOf(ended.stderr)}`);
          const left = [
            ...pids().filter((pid) => readProcess(pid) !== null),
            ...withMark(`WR_ATTEMPT=${readFileSync(`${file}.mark`, 'utf8').trim()}\0`),
          ];
          assert.deepEqual(left, [], `seed ${seed}, round ${round}: ${script}`);
        }
        assert.equal(manager.ended(other as number), undefined);
        assert.equal(bystander.exitCode ?? bystander.signalCode, null);
      });
    } finally {
      bystander.kill('SIGKILL');
    }
  });
});
