import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JsonPageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import type { Selector } from '../../core/selector.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { GROUP, listJobs, report, runJobs } from './manager-steps.ts';

const ALL: Selector = { by: 'repGroup', repGroup: 'manually_added', search: false };

async function jsonPages(harness: ManagerHarness): Promise<JsonPageReply[]> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const rest = { states: [], limit: 0, env: false, host: '' } as const;
  harness.send(peer, { type: 'status', id, select: ALL, output: 'json', ...rest });
  for (;;) {
    await settle();
    const pages = peer.frames.flatMap((frame) => decodeFrame<JsonPageReply>(frame));
    if (pages.at(-1)?.last) return pages;
    harness.send(peer, { type: 'more', of: id, pages: 4 });
  }
}

const textOf = (pages: readonly JsonPageReply[]): StatusJob[] =>
  JSON.parse(
    `[${pages
      .map(({ text }) => Buffer.from(text).toString())
      .filter((text) => text !== '')
      .join(',')}]`,
  ) as StatusJob[];

describe('a listing as JSON text', () => {
  it('holds what a listing of objects holds, and what runs as objects', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\t{"priority":7,"env":["A=ü"],"cwd":"/x"}\nc "d"\ne\n');
    await runJobs(harness, 1, 'complete');
    await runJobs(harness, 1, 'bury', { stdout: Buffer.from('out\n\u0001'), stderr: Buffer.of(0xff) });
    await harness.reserve(await harness.connectRunner(GROUP), GROUP, 1);
    const objects = (await listJobs(harness, { select: ALL })).map(({ wr: _ours, ...job }) => job);
    const pages = await jsonPages(harness);
    const held = pages.flatMap(({ jobs }) => jobs).map(({ wr: _ours, ...job }) => job);
    assert.deepEqual(
      held.map(({ State }) => State),
      ['reserved'],
    );
    const byKey = (a: { Key: string }, b: { Key: string }): number => (a.Key < b.Key ? -1 : 1);
    assert.deepEqual(
      [...textOf(pages), ...held].sort(byKey),
      JSON.parse(JSON.stringify(objects.sort(byKey))),
    );
  });

  it('comes in pages, each command once, and without output once there are many', async () => {
    const harness = await ManagerHarness.start();
    const long = 'x'.repeat(500);
    const lines = Array.from({ length: 3_000 }, (_, i) => `echo ${i} ${long}\n`).join('');
    await harness.add(lines);
    await runJobs(harness, 2_000, 'bury', { stderr: Buffer.from('why') });
    const pages = await jsonPages(harness);
    assert.ok(pages.length > 3, `${pages.length} pages`);
    const jobs = textOf(pages);
    assert.equal(new Set(jobs.map(({ Key }) => Key)).size, 3_000);
    const withOutput = jobs.filter(({ StdErr }) => StdErr === 'why').length;
    assert.ok(withOutput > 0 && withOutput < 2_000, `${withOutput}`);
  });

  it('says how to get to where a command runs, whatever its directory is called', async () => {
    const harness = await ManagerHarness.start();
    const top = mkdtempSync(join(tmpdir(), 'wr-ssh-'));
    const cwd = join(top, `it's "a" $HOME dir`);
    mkdirSync(cwd);
    for (const [name, script] of [
      // The host's shell is given the last word, as ssh gives it.
      ['ssh', '#!/bin/sh\nfor word; do :; done\nexec sh -c "$word"\n'],
      ['login', '#!/bin/sh\npwd\n'],
    ] as const)
      writeFileSync(join(top, name), script, { mode: 0o755 });
    try {
      await harness.add('a\n');
      const runner = await harness.connectRunner(GROUP);
      const { jobs } = await harness.reserve(runner, GROUP, 1);
      const [attempt = 0] = jobs.map((job) => job.attempt);
      await report(harness, runner, { event: 'started', attempt, pid: 7, startedMs: 1, cwd });
      const [job] = await listJobs(harness, { select: ALL });
      const env = { ...process.env, PATH: `${top}:${process.env.PATH}`, SHELL: join(top, 'login') };
      const said = spawnSync('sh', ['-c', job?.SSHCommand ?? ''], { encoding: 'utf8', env });
      assert.equal(said.stdout, `${cwd}\n`, `${job?.SSHCommand}: ${said.stderr}`);
      assert.match(job?.SSHCommand ?? '', /^ssh -- 127\.0\.0\.1 /);
    } finally {
      rmSync(top, { recursive: true });
    }
  });
});
