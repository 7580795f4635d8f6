import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { kinBySession } from '../../../cli/runner/kinship.ts';
import {
  type ProcessRow,
  ProcessTable,
  readProcess,
  signalProcess,
  type Tree,
} from '../../../cli/runner/process-table.ts';

function row(pid: number, ppid: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return { pid, ppid, session: 100, startTicks: pid, cpuTicks: 1, ...more };
}

const LAUNCHER = row(100, 1, { startTicks: 1 });

const pidsOf = (tree: Tree): number[] => [...tree.keys()].sort((a, b) => a - b);

describe('the processes of a command', () => {
  it('are it and its descendants, also those of another session, for as long as they are the same', () => {
    const tree: Tree = new Map([[200, 200]]);
    const child = row(201, 200, { session: 201 });
    new ProcessTable([LAUNCHER, row(200, 100), child, row(202, 201), row(300, 100)]).refresh(tree);
    assert.deepEqual(pidsOf(tree), [200, 201, 202]);
    // The middle one is gone, its number is someone else's; its child is found by itself.
    const reused = { ...child, ppid: 1, startTicks: 999 };
    new ProcessTable([LAUNCHER, row(200, 100), reused, row(202, 1)]).refresh(tree);
    assert.deepEqual(pidsOf(tree), [200, 202]);
  });

  it('are orphans of its session too that are not older, and neither those of others nor what these start', () => {
    const tree: Tree = new Map([[200, 200]]);
    const left = row(150, 1); // An earlier command left it behind.
    const rows = [LAUNCHER, left, row(210, 150), row(200, 100), row(220, 1), row(230, 220)];
    const stranger = row(240, 1, { session: 240 });
    new ProcessTable([...rows, stranger]).refresh(tree, kinBySession({ sinceTicks: 200, mark: '' }, 100));
    assert.deepEqual(pidsOf(tree), [200, 220, 230]);
  });

  it('are not what an earlier command left in the same hundredth of a second, which its mark tells', () => {
    const { pid } = process;
    const tree: Tree = new Map([[pid + 1, 200]]);
    const left = row(pid, 1, { startTicks: 200 });
    const rows = [LAUNCHER, row(pid + 1, 100, { startTicks: 200 }), left];
    new ProcessTable(rows).refresh(tree, kinBySession({ sinceTicks: 200, mark: '1-not-ours' }, 100));
    assert.deepEqual(pidsOf(tree), [pid + 1]);
  });

  it('use the time of them all, 10 ms a tick', () => {
    const table = new ProcessTable([row(200, 100, { cpuTicks: 7 }), row(201, 200, { cpuTicks: 5 })]);
    assert.equal(
      table.cpuMsOf(
        new Map([
          [200, 200],
          [201, 201],
          [202, 202],
        ]),
      ),
      120,
    );
  });

  it('are signalled only while they are the ones that were meant', async () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('spawn', resolve));
    const pid = child.pid as number;
    const { startTicks } = readProcess(pid) as ProcessRow;
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
    assert.equal(signalProcess(pid, startTicks - 1, 'SIGKILL'), false);
    assert.equal(signalProcess(pid, startTicks, 'SIGTERM'), true);
    assert.equal(await ended, 'SIGTERM');
    assert.equal(signalProcess(pid, startTicks, 'SIGKILL'), false);
    assert.equal(signalProcess(1, readProcess(1)?.startTicks ?? 0, 'SIGKILL'), false);
  });
});
