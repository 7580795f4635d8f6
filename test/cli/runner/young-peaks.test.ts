import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { Execution } from '../../../cli/runner/execution.ts';
import { YoungPeaks } from '../../../cli/runner/young-peaks.ts';
import { until } from './harness.ts';

const PATIENCE_MS = 60_000;
const CLOCK = { now: Date.now, monotonicMs: () => performance.now() };

/** Uses 150 MB, gives them back and says so. */
const EATS = "Buffer.alloc(150 << 20, 1); console.log('eaten'); setInterval(() => 0, 1e6)";

function executionOf({ pid = 0 }: ChildProcess): Execution {
  const execution: Partial<Execution> = { pid, tree: new Map(), startedMs: Date.now(), peakRamMb: 0 };
  return { ...execution, mark: '', sinceTicks: 0, finishing: false } as Execution;
}

describe('the peak memory of young commands', () => {
  it('is seen of a command and of its children, also once the memory was given back', async () => {
    const viaShell = spawn('sh', ['-c', '"$0" -e "$1"; exit 2', process.execPath, EATS], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const peaks = new YoungPeaks(CLOCK);
    try {
      await once(viaShell.stdout, 'data');
      const execution = executionOf(viaShell);
      peaks.add(execution, process.pid);
      const untilMs = Date.now() + PATIENCE_MS;
      while (execution.peakRamMb < 150 && Date.now() < untilMs) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        // It stays young for as long as this machine needs.
        execution.startedMs = Math.max(execution.startedMs, Date.now() - 1_000);
      }
      assert.ok(execution.peakRamMb >= 150, `${execution.peakRamMb} MB`);
    } finally {
      peaks.close();
      process.kill(-(viaShell.pid as number), 'SIGKILL');
    }
  });

  it('is not looked for any more once a command has ended or is old', async () => {
    const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
    let looks = 0;
    const peaks = new YoungPeaks({ ...CLOCK, monotonicMs: () => ++looks });
    try {
      const ended = executionOf(sleeper);
      peaks.add(ended, process.pid);
      ended.finishing = true;
      peaks.add({ ...executionOf(sleeper), startedMs: Date.now() - 8_000 }, process.pid);
      looks = 0;
      const marker = executionOf(sleeper);
      peaks.add(marker, process.pid);
      await until('a young one is looked at', () => marker.peakRamMb > 0);
      assert.equal(ended.peakRamMb, 0);
      assert.ok(looks > 0);
    } finally {
      peaks.close();
      sleeper.kill('SIGKILL');
    }
  });
});
