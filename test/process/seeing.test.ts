import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { Place, WR } from './harness.ts';

describe('what users see and wait for', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('tries an add, which leaves nothing, takes a byte order mark off, and then adds what was promised', async () => {
    const path = place.write('try.txt', '\ufefftrue try-1\n\ntrue try-2\t{"memory":"2G"}\ntrue try-1\n');
    const tried = await place.ok(['add', '-f', path, '-i', 'try', '--dry-run', '--output', 'json']);
    const lines = JSON.parse(tried.stdout) as {
      Line: number;
      Verdict: string;
      Cmd: string;
      ExpectedRAM: number;
    }[];
    assert.deepEqual(
      lines.map(({ Line, Verdict, Cmd, ExpectedRAM }) => [Line, Verdict, Cmd, ExpectedRAM]),
      [
        [1, 'new', 'true try-1', 1_024],
        [3, 'new', 'true try-2', 2_048],
        [4, 'repeated', 'true try-1', 1_024],
      ],
    );
    assert.match(tried.stderr, /Would add 2 new commands \(1 would be duplicates\)/);
    assert.deepEqual(await place.jobs(['-i', 'try']), []);
    assert.match(
      (await place.ok(['add', '-f', path, '-i', 'try'])).stderr,
      /Added 2 new commands \(1 were dup/,
    );
    await place.ok(['wait', '-i', 'try']);
    const again = await place.ok(['add', '-f', path, '-i', 'other']);
    assert.match(again.stderr, /3 completed before/);
    assert.match(again.stderr, /0 did under the identifier given, 3 under others: 'try' \(3, last on /);
    const recent = await place.jobs(['--recent', '1h']);
    assert.deepEqual(recent.map(({ Cmd }) => Cmd).sort(), ['true try-1', 'true try-2']);
  });

  it('waits over the death of the manager, with wait, add --sync and status --watch', async () => {
    const gate = `until test -e ${place.work}/open; do sleep 0.05; done`;
    await place.add([`${gate}; exit 0`], ['-i', 'long', '--cpus', '0']);
    await place.until(
      'it runs',
      async () => (await place.job(['-i', 'long'])).State === 'running' || undefined,
    );
    const start = (...argv: string[]) => place.spawn(process.execPath, [WR, ...argv], { stdin: '' }).finished;
    const waited = start('wait', '-i', 'long', '--timeout', '5m');
    const watched = start('status', '-w', '-i', 'long', '--interval', '100ms');
    const synced = place.spawn(
      process.execPath,
      [WR, 'add', '--sync', '-r', '0', '--cpus', '0', '-i', 'sync'],
      {
        stdin: `${gate}; echo said; exit 7\n`,
      },
    ).finished;
    await place.until(
      'the other one runs too',
      async () => (await place.jobs(['-i', 'sync']))[0]?.State === 'running' || undefined,
    );
    await place.kill();
    await place.start();
    place.write('open', '');
    const [wait, watch, sync] = await Promise.all([waited, watched, synced]);
    assert.equal(wait.code, 0, wait.stderr);
    assert.match(
      wait.stderr,
      /the manager is away .*[\s\S]*the manager answers again[\s\S]*of 1 commands: 1 completed/,
    );
    assert.equal(watch.code, 0, watch.stderr);
    assert.match(watch.stdout, /^done=0\/1 [\s\S]*done=1\/1 .*complete=1 /);
    assert.deepEqual([sync.code, sync.stdout], [7, 'said\n'], sync.stderr);
  });

  it('tells by exit codes how waiting went, and explains what failed', async () => {
    await place.add(['exit 3', 'true fine'], ['-i', 'mixed', '-r', '0']);
    const { code, stderr } = await place.wr(['wait', '-i', 'mixed']);
    assert.equal(code, 2);
    assert.match(stderr, /of 2 commands: 1 completed, 1 buried/);
    assert.equal((await place.wr(['wait', '-i', 'nobody'])).code, 1);
    await place.add(['sleep 600'], ['-i', 'endless', '--cpus', '0']);
    assert.equal((await place.wr(['wait', '-i', 'endless', '--timeout', '300ms'])).code, 124);
    const [failed] = (await place.jobs(['-i', 'mixed'])).filter(({ State }) => State === 'buried');
    const { stdout } = await place.ok(['explain', failed?.Key ?? '']);
    assert.match(
      stdout,
      /Why: it was buried after 1 attempt: command exited non-zero, exit code 3\nWhat to do: /,
    );
    const summary = await place.ok(['status', '-y', '-i', failed?.Key ?? '', '-o', 'summary']);
    assert.match(summary.stdout, /^mixed : complete=0 .* buried=1 exitcode\.3,"command exited non-zero"=/);
  });

  it('ends by the signal that ends it, as a shell expects', async () => {
    // What it says of a pause shows that it is waiting.
    await place.ok(['manager', 'pause']);
    const child = spawn(process.execPath, [WR, 'wait', '-i', 'endless'], {
      env: place.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    for await (const text of child.stderr.setEncoding('utf8')) if (/waiting for that/.test(text)) break;
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.deepEqual(await ended, { code: null, signal: 'SIGINT' });
    await place.ok(['manager', 'resume']);
  });
});
