import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ownPrefix } from '../../../cli/runner/output-files.ts';
import { birthOf } from '../../../server/host.ts';
import { leavingsIn } from '../../../server/schedulers/leavings.ts';
import { Tidying } from '../../../server/schedulers/tidying.ts';
import { settle, TestClock } from '../manager-harness.ts';

describe('what killed runners left', () => {
  const top = mkdtempSync(join(tmpdir(), 'wr-leavings-'));
  after(() => rmSync(top, { recursive: true, force: true }));
  const { pid: nobody } = spawnSync('true');
  const own = { pid: process.pid, startTicks: birthOf(process.pid) ?? 0 };
  const gone = { pid: nobody, startTicks: 5 };
  const toRun = [{ options: { cwd: '/' } }];

  const cases: readonly (readonly [string, boolean, Readonly<Record<string, string>>, string?])[] = [
    ['is found when the runner is gone', true, { ledger: text(gone, 'm', toRun) }],
    ['is none while it is there', false, { ledger: text(own, 'm', toRun) }],
    [
      'is found when its id is that of another process by now',
      true,
      { ledger: text({ ...own, startTicks: 1 }, 'm') },
    ],
    [
      'is not for us when another manager has to say how it is run',
      false,
      { ledger: text(gone, 'other', toRun) },
    ],
    ['is for anybody when nothing is to be run', true, { ledger: text(gone, 'other', [{ options: null }]) }],
    [
      'is none while another runner is at it',
      false,
      { [`ledger.${own.pid}.${own.startTicks}`]: text(gone, 'm') },
    ],
    ['is found when who was at it is gone, too', true, { [`ledger.${nobody}.5`]: text(gone, 'm') }],
    ['is none when there is no ledger, or it makes no sense', false, { other: '', ledger: '{' }],
    ['is none of another host', false, { ledger: text(gone, 'm') }, `wr-runner-not_${hostname()}-1-5`],
  ];
  for (const [claim, expected, files, name = `${ownPrefix()}5-x`] of cases) {
    it(claim, async () => {
      const parent = mkdtempSync(join(top, 'case-'));
      mkdirSync(join(parent, name));
      for (const [file, content] of Object.entries(files)) writeFileSync(join(parent, name, file), content);
      assert.equal(await leavingsIn(parent, 'm')(), expected);
    });
  }

  it('is none where there is no such directory', async () => {
    assert.equal(await leavingsIn(join(top, 'nowhere'), 'm')(), false);
  });
});

function text(
  { pid, startTicks }: { readonly pid: number; readonly startTicks: number },
  manager: string,
  entries: readonly object[] = [],
): string {
  return JSON.stringify({ pid, startTicks, bootId: 'b', manager, entries });
}

describe('a runner for what killed ones left', () => {
  const makeCase = (left: boolean) => {
    const clock = new TestClock();
    const state = { left, looks: 0, isRunner: false, starts: [] as number[] };
    const has = async (): Promise<boolean> => {
      state.looks += 1;
      return state.left;
    };
    const fromMs = clock.monotonicMs();
    const tidying = new Tidying(has, clock, () => {
      if (state.isRunner) return false;
      state.starts.push(Math.round((clock.monotonicMs() - fromMs) / 60_000));
      return true;
    });
    return { clock, state, tidying };
  };

  it('is started once something is left, and again later and later while it is', async () => {
    const { clock, state, tidying } = makeCase(true);
    tidying.look();
    await settle();
    await clock.advance(300 * 60_000);
    assert.deepEqual(state.starts, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    state.left = false;
    await clock.advance(24 * 3_600_000);
    const { looks } = state;
    assert.equal(state.starts.length, 10);
    await clock.advance(24 * 3_600_000);
    assert.equal(state.looks, looks);
  });

  it('is not started for nothing, nor looked for without a reason', async () => {
    const { clock, state, tidying } = makeCase(false);
    tidying.look();
    tidying.mayStart();
    await clock.advance(24 * 3_600_000);
    tidying.mayStart();
    await settle();
    assert.deepEqual([state.starts, state.looks], [[], 1]);
  });

  it('follows one that was there before, once that has gone, and not one that was started for it', async () => {
    const { state, tidying } = makeCase(true);
    state.isRunner = true;
    tidying.look();
    await settle();
    state.isRunner = false;
    for (let i = 0; i < 3; i += 1) {
      tidying.mayStart();
      await settle();
    }
    assert.equal(state.starts.length, 1);
  });

  it('is not started any more at the end of the manager', async () => {
    const { clock, state, tidying } = makeCase(true);
    tidying.look();
    tidying.close();
    await clock.advance(3_600_000);
    assert.deepEqual(state.starts, []);
  });
});
