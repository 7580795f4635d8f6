import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { attemptMark, MARK_NAME } from '../../core/attempt-mark.ts';
import { SYSTEM_CLOCK } from '../../server/clock.ts';
import { birthOf } from '../../server/host.ts';
import { type Orphan, Orphans } from '../../server/orphans.ts';

const PATIENCE_MS = 20_000;
const children: ChildProcess[] = [];

/** A command as a runner that is gone left it: it says what its child is. */
async function orphan(token: number, script: string): Promise<Orphan & { readonly said: string }> {
  const env = { ...process.env, [MARK_NAME]: attemptMark(token, 'a runner') };
  const child = spawn('sh', ['-c', script], { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const [said] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
  const pid = child.pid ?? 0;
  return { token, runnerId: 'a runner', pid, birth: birthOf(pid) ?? 0, said: said.toString() };
}

/** As the manager does it. */
async function endAll(orphans: Orphans, all: readonly Orphan[]): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (all.filter((one) => orphans.end(one, SYSTEM_CLOCK.monotonicMs())).length > 0) {
    assert.ok(performance.now() < untilMs, 'they are not ended');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('orphans', () => {
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('are ended with all that came of them, what left their session and what takes no notice included', async () => {
    const all = [
      await orphan(1, 'sleep 600 & echo $!; wait'),
      await orphan(2, 'setsid sh -c "trap : TERM; echo \\$\\$; while :; do sleep 0.1; done"; wait'),
    ];
    const others = await orphan(3, 'echo $$; exec sleep 600');
    const orphans = new Orphans(SYSTEM_CLOCK);
    await endAll(orphans, all);
    for (const { pid, said } of all) {
      assert.equal(birthOf(pid), null);
      assert.equal(birthOf(Number(said)), null);
    }
    assert.notEqual(birthOf(others.pid), null);
  });

  it('are not what was given the same process id later', async () => {
    const other = await orphan(4, 'echo $$; exec sleep 600');
    const orphans = new Orphans(SYSTEM_CLOCK);
    await endAll(orphans, [{ ...other, token: 5, birth: other.birth + 1 }]);
    assert.notEqual(birthOf(other.pid), null);
  });

  it('are there until they have been looked at, and one look serves all', async () => {
    const orphans = new Orphans(SYSTEM_CLOCK);
    const nowMs = SYSTEM_CLOCK.monotonicMs();
    const absent = Array.from({ length: 500 }, (_, i) => ({
      ...{ token: 100 + i, runnerId: 'a runner', pid: 2 ** 22 + 1 + i, birth: 7 },
    }));
    assert.ok(absent.every((one) => orphans.end(one, nowMs)));
    await endAll(orphans, absent);
  });
});
