import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusJob } from '../../core/status-job.ts';
import { Place } from './harness.ts';

const GROUPS = ['runs', 'waits', 'held', 'failed', 'stopped', 'changed', 'done'] as const;

/** All that is shown of every command, but for what goes on by itself. */
async function shown(place: Place): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const group of GROUPS) {
    const jobs = await place.jobs(['-i', group, '--env']);
    all[group] = jobs.map(settledPart).sort((a, b) => a.Cmd.localeCompare(b.Cmd));
  }
  all.counts = await place.counts();
  all.limits = (await place.ok(['limit'])).stdout;
  return all;
}

function settledPart(job: StatusJob): Partial<StatusJob> & Pick<StatusJob, 'Cmd'> {
  if (job.State !== 'running') return job;
  // What its runner last told of it is known again with its next touch.
  const { Walltime, CPUtime, PeakRAM, StdOut, StdErr, Pid, ...rest } = job;
  return rest;
}

describe('a manager that is killed and started again', () => {
  it('shows every command exactly as before, whatever state it is in and whatever was said of it', async () => {
    const place = await Place.started(['--max_cores', '2']);
    try {
      const line = (cmd: string, options: Record<string, unknown>): string =>
        JSON.stringify({ cmd, cpus: 0, ...options });
      await place.add([
        line('sleep 98761; true', { rep_grp: 'runs', dep_grps: ['g'], env: ['A=1'], limit_grps: ['two:2'] }),
        line('true # unseen', { rep_grp: 'waits', deps: ['never'] }),
        line('true # group', { rep_grp: 'waits', deps: ['g'] }),
        line('true # command', { rep_grp: 'waits', cmd_deps: [{ cmd: 'sleep 98761; true', cwd: '' }] }),
        line('true # none', { rep_grp: 'held', limit_grps: ['none:0'], priority: 7 }),
        line('true # time', { rep_grp: 'held', limit_grps: ['2130-01-31 12:00:00<datetime'] }),
        line('true # user {}', { rep_grp: 'held', limit_grps: ['none'], array: '1-2' }),
        line('echo out; echo err >&2; exit 3', { rep_grp: 'failed', retries: 2 }),
        line('exit 127', { rep_grp: 'failed', on_failure: [{ run: 'exit 5' }] }),
        line('true # never', { rep_grp: 'failed', memory: '9000G' }),
        line('exit 1', { rep_grp: 'stopped', retries: 0, max_fails: 1 }),
        line('true # later', { rep_grp: 'stopped', max_fails: 1, limit_grps: ['none'] }),
        line('true # change', { rep_grp: 'changed', limit_grps: ['none'], override: 1 }),
        line('true # well', { rep_grp: 'done', on_success: [{ run: 'exit 6' }] }),
      ]);
      await place.ok(['suspend', '-l', 'true # user 1']);
      await place.ok(['mod', '-i', 'changed', '-m', '300M', '-p', '9', '--env', 'Q=2', '--deps', 'never']);
      await place.ok(['limit', '-g', 'other:4']);
      await place.until('all of it has come to rest', async () => {
        const { running, delayed, buried, complete, suspended = 0 } = await place.counts();
        return (
          (running === 1 && delayed === 1 && buried === 3 && complete === 1 && suspended >= 2) || undefined
        );
      });
      const before = await shown(place);
      await place.kill();
      await place.start(['--max_cores', '2']);
      assert.deepEqual(await shown(place), before);
    } finally {
      await place.remove();
    }
  });
});
