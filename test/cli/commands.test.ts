import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import type { AddedReply } from '../../core/client-replies.ts';
import type { DryWait } from '../../core/dry-waits.ts';
import { WrError } from '../../core/errors.ts';
import type { Reply } from '../../core/protocol.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { type Answer, FakeLink, fakeContext, never, type Question } from './fake-link.ts';
import { makeStatusJob } from './status-job.ts';

/** Runs a command line against a manager of a few lines. */
async function wr(
  argv: readonly string[],
  answer: Answer = () => never(),
  more: Parameters<typeof fakeContext>[1] = {},
) {
  const links: FakeLink[] = [];
  const connect = () => {
    const link = new FakeLink(answer);
    links.push(link);
    return link;
  };
  const context = fakeContext(connect, more);
  const code = await main('wr', argv, context);
  return {
    code,
    stdout: context.stdout(),
    stderr: context.stderr(),
    links,
    asked: links.flatMap((link) => link.asked),
  };
}

const changed =
  (n: number, eligible: number) =>
  (request: Question): Reply => ({ type: 'changed', id: request.id, changed: n, eligible });

describe('kill, retry and remove', () => {
  it('say how many of how many', async () => {
    const kill = await wr(['kill', '-i', 'g'], changed(2, 3));
    assert.equal(kill.code, 0);
    assert.equal(
      kill.stderr,
      'INFO[11-23|07:47:08] Initiated the termination of 2 running commands (out of 3 eligible)\n',
    );
    const retry = await wr(['retry', '-a'], changed(1, 1));
    assert.match(retry.stderr, /Initiated retry of 1 buried commands \(out of 1 eligible\)/);
    const remove = await wr(['remove', '-a'], changed(0, 4));
    assert.equal(remove.code, 0);
    assert.match(remove.stderr, /Removed 0 incomplete, non-running commands \(out of 4 eligible\)/);
    assert.match((await wr(['remove', '-ab'], changed(1, 1))).stderr, /Removed 1 buried commands/);
  });

  it('say why something was not removed', async () => {
    const kept: Answer = ({ id }) => ({ type: 'changed', id, changed: 1, eligible: 2, held: 1 });
    const { code, stderr } = await wr(['remove', '-i', 'g'], kept);
    assert.equal(code, 0);
    assert.match(stderr, /Removed 1 .*\n.*WARN.* 1 of them is kept, as others depend on it: name those too/);
    assert.doesNotMatch((await wr(['remove', '-a'], changed(0, 4))).stderr, /depend/);
  });

  it('fail when there is nothing', async () => {
    const retry = await wr(['retry', '-i', 'g'], changed(0, 0));
    assert.equal(retry.code, 1);
    assert.match(
      retry.stderr,
      /ERROR\[.*\] No matching jobs found — only buried commands can be retried: wr status shows/,
    );
    assert.match((await wr(['kill', '-a', '--age', '2h'], changed(0, 0))).stderr, /running for at least 2h/);
  });

  it('say why none of what was named was changed', async () => {
    const plain = (request: Question): Reply =>
      request.type === 'status'
        ? {
            type: 'plainPage',
            id: request.id,
            text: Buffer.from(
              `${Buffer.from(request.select.by === 'keys' ? request.select.keys : []).toString('hex')}\tready\n`,
            ),
            buried: 0,
            last: true,
          }
        : changed(0, 1)(request);
    for (const [argv, text] of [
      [
        ['kill'],
        /none of them is running, so nothing was killed: .*wr suspend and wr remove are for those that/,
      ],
      [['kill', '--confirmdead'], /none of them is lost, so nothing was confirmed dead: /],
      [['retry'], /none of them is buried, so nothing is retried: .*wr add --rerun/],
      [['remove'], /none of them can be removed as it is: .*wr kill ends those that run/],
    ] as const) {
      const { code, stderr } = await wr([...argv, '-l', 'echo 1'], plain);
      assert.equal(code, 0);
      assert.match(stderr, text);
    }
    const none = await wr(['kill', '-i', 'g'], changed(0, 0));
    assert.match(
      none.stderr,
      /No matching jobs found — only running commands can be killed: wr status shows/,
    );
  });

  it('pass on what they were told', async () => {
    const { asked } = await wr(['kill', '-a', '--confirmdead', '--age', '1h30m'], changed(1, 1));
    const [request] = asked;
    assert.ok(request?.type === 'kill');
    assert.deepEqual([request.confirmDead, request.ageMs, request.select], [true, 5_400_000, { by: 'all' }]);
  });

  it('say what the manager warns of, instead of guessing why nothing changed', async () => {
    const warnings = ['1 of them still run'];
    const warned: Answer = ({ id }) => ({ type: 'changed', id, changed: 0, eligible: 1, warnings });
    const { stderr } = await wr(['kill', '-a', '--confirmdead'], warned);
    assert.match(stderr, /WARN.* 1 of them still run\n/);
    assert.doesNotMatch(stderr, /none of them is lost/);
  });
});

describe('status', () => {
  const job = makeStatusJob({});
  const pages: Answer = (request, link, { onPart }) => {
    assert.ok(request.type === 'status');
    onPart?.({ type: 'page', id: request.id, jobs: [job], last: false });
    assert.equal(link.told.length, 0, 'more is asked for only once a page is taken');
    return { type: 'page', id: request.id, jobs: [job], last: true };
  };

  it('joins pages, asking for further ones', async () => {
    const { code, stdout, links } = await wr(['status', '-o', 'json'], pages);
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as unknown[]).length, 2);
    assert.deepEqual(links[0]?.told, [{ type: 'more', of: 1, pages: 1 }]);
  });

  it('hands text of many commands on as it is, with what runs laid over', async () => {
    const key = 'b'.repeat(32);
    const answer: Answer = (request, _link, { onPart }) => {
      assert.ok(request.type === 'status' && request.output === 'json' && request.limit === 0);
      const page = { type: 'jsonPage', id: request.id, jobs: [] } as const;
      onPart?.({ ...page, text: Buffer.from('{"Key":"1"},{"Key":"ü"}'), last: false });
      const none = new Uint8Array(0);
      const live = { key, peakRamMb: 7, peakDiskMb: 0, cpuMs: 0, stdout: none, stderr: none };
      onPart?.({ type: 'live', id: request.id, jobs: [live] });
      const running = makeStatusJob({ Key: key, State: 'running' });
      return { ...page, text: none, jobs: [running], last: true };
    };
    const { stdout } = await wr(['status', '-o', 'json', '--limit', '0'], answer);
    const jobs = JSON.parse(Buffer.from(stdout, 'latin1').toString()) as { Key: string; PeakRAM: number }[];
    assert.deepEqual(
      jobs.map(({ Key }) => Key),
      ['1', 'ü', key],
    );
    assert.equal(jobs[2]?.PeakRAM, 7);
  });

  it('shows of what runs what its runner said last, and of nothing else', async () => {
    const bytes = (text: string): Uint8Array => Buffer.from(text);
    const key = 'a'.repeat(32);
    const live = { peakRamMb: 7, peakDiskMb: 3, cpuMs: 2_500, stdout: bytes('so far'), stderr: bytes('oh') };
    const answer: Answer = (request, _link, { onPart }) => {
      const running = makeStatusJob({ Key: key, State: 'running', Started: 1, Host: 'h' });
      const ended = makeStatusJob({ Key: 'b'.repeat(32), State: 'buried' });
      const { id } = request;
      onPart?.({ type: 'live', id, jobs: [key, ended.Key].map((each) => ({ key: each, ...live })) });
      onPart?.({ type: 'page', id, jobs: [running, ended], last: false });
      return { type: 'page', id, jobs: [running], last: true };
    };
    const { stdout } = await wr(['status', '-o', 'json'], answer);
    const shown = (JSON.parse(stdout) as StatusJob[]).map(
      ({ PeakRAM, PeakDisk, CPUtime, StdOut, StdErr }) => [PeakRAM, PeakDisk, CPUtime, StdOut, StdErr],
    );
    const nothing = [0, 0, 0, '', ''];
    assert.deepEqual(shown, [[7, 3, 2.5, 'so far', 'oh'], nothing, nothing]);
    const details = await wr(['status'], answer);
    assert.match(details.stdout, /Peak memory: 7MB; Peak disk: 3MB.*CPU time: 2.5s/);
    assert.match(details.stdout, /StdOut:\nso far\nStdErr:\noh\n/);
  });

  it('fails with code 1 from plain when a command is buried', async () => {
    const plain =
      (buried: number) =>
      (request: Question): Reply => ({
        type: 'plainPage',
        id: request.id,
        text: Buffer.from('k\tburied\n'),
        buried,
        last: true,
      });
    assert.deepEqual(await wr(['status', '-op'], plain(1)).then(({ code, stdout }) => [code, stdout]), [
      1,
      'k\tburied\n',
    ]);
    assert.equal((await wr(['status', '-op'], plain(0))).code, 0);
  });

  it('asks for the union of states, one of each kind, and with a limit', async () => {
    const { asked } = await wr(
      ['status', '-br', '--suspended', '-i', 'g', '--limit', '0', '--host', 'h', '-e'],
      pages,
    );
    assert.deepEqual(asked[0], {
      type: 'status',
      id: 1,
      select: { by: 'repGroup', repGroup: 'g', search: false },
      output: 'jobs',
      states: ['buried', 'reserved', 'running', 'suspended'],
      limit: 0,
      env: true,
      host: 'h',
    });
    const plain = await wr(['status'], pages);
    assert.ok(plain.asked[0]?.type === 'status' && plain.asked[0].limit === 1 && !plain.asked[0].env);
  });

  it('asks for what completed within a time', async () => {
    const { asked } = await wr(['status', '--recent', '1.5d', '--limit', '3'], pages);
    assert.ok(asked[0]?.type === 'status');
    assert.deepEqual([asked[0].recentMs, asked[0].select, asked[0].limit], [129_600_000, { by: 'all' }, 3]);
  });

  it('refuses filters where they mean nothing, and unknown formats', async () => {
    for (const argv of [
      ['-l', 'a', '-b'],
      ['-o', 'nonsense'],
      ['--recent', '5'],
      ['--recent', '0'],
      ['--recent', '-1h'],
      ['--recent', '1d12h'],
      ['--recent', '1d', '-b'],
      ['--recent', '1d', '-i', 'g'],
      ['--missing_deps', '-l', 'a'],
    ]) {
      const { code, stderr } = await wr(['status', ...argv], pages);
      assert.equal(code, 1, argv.join(' '));
      assert.match(stderr, /^ERROR\[/);
    }
  });
});

describe('add', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wr-add-'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const file = (content: string): string => {
    const path = join(directory, 'commands');
    writeFileSync(path, content);
    return path;
  };
  const status = { type: 'managerStatus', address: '127.0.0.1:9' } as unknown as Reply;
  const added =
    (more: Partial<AddedReply> = {}): Answer =>
    (request, _link, { onPart }) => {
      if (request.type === 'managerStatus') return status;
      if (request.type === 'addBegin') return never();
      if (request.type === 'settle') {
        const job = makeStatusJob({
          State: 'buried',
          Exitcode: 7,
          Exited: true,
          StdOut: 'out',
          StdErr: 'err',
        });
        return { type: 'settled', id: request.id, job };
      }
      onPart?.({ type: 'addKeys', id: request.id, keys: new Uint8Array(32).fill(171) });
      return {
        type: 'added',
        id: request.id,
        added: 2,
        queued: 0,
        complete: 0,
        usedDefaultRepGroup: false,
        warnings: [],
        bsubId: 0,
        ...more,
      };
    };

  it('says what was added, the default identifier and why some were not', async () => {
    const plain = await wr(['add', '-f', file('a\nb\n')], added());
    assert.equal(
      plain.stderr,
      'INFO[11-23|07:47:08] Added 2 new commands (0 were duplicates) to the queue\n',
    );
    const more = await wr(
      ['add', '-f', file('a\n'), '-i', 'mine'],
      added({ queued: 1, complete: 2, usedDefaultRepGroup: true, warnings: ['w'] }),
    );
    assert.equal(more.code, 0);
    assert.match(more.stderr, /WARN\[.*\] w\n/);
    assert.match(
      more.stderr,
      /Added 2 new commands \(3 were duplicates\) to the queue using default identifier 'mine'\n/,
    );
    assert.match(more.stderr, /1 is in the queue already, and 2 completed before/);
  });

  it('names the report groups under which duplicates completed', async () => {
    const elsewhere = Array.from({ length: 22 }, (_, i) => ({ repGroup: `g${i}`, count: 2, lastEndMs: 0 }));
    const answer = added({ complete: 45, completeHere: 1, completeElsewhere: elsewhere });
    const { stderr } = await wr(['add', '-f', file('a\n')], answer);
    assert.match(
      stderr,
      /Of the completed ones, 1 did under the identifier given, 44 under others: 'g0' \(2, last on 70/,
    );
    assert.match(stderr, /'g19' \(2, last on [^,]*\), 2 further ones\n/);
  });

  const WAITS: readonly DryWait[] = [
    { name: 'g', group: true, is: 'unseen' },
    { name: 'cmd a', group: false, is: 'added' },
  ];

  it('shows with --dry_run what lines mean, asks for no more than it shows, and sends no environment', async () => {
    const answer: Answer = (request, link, options) => {
      const requestId = request.type === 'addBegin' ? request.requestId : '';
      if (requestId !== '') {
        const line = (n: number, Cmd: string) => ({
          line: n,
          verdict: 'new' as const,
          job: makeStatusJob({ Cmd }),
          waits: n === 1 ? [] : WAITS,
        });
        link.push({ type: 'dryPage', requestId, lines: [line(1, 'first'), line(4, 'sec\tond')] });
      }
      return added({ added: 3, queued: 3, repeated: 2 })(request, link, options);
    };
    const table = await wr(['add', '-f', file('a\n'), '--dry-run', '--limit', '2'], answer);
    assert.match(
      table.stdout,
      /^ +Line +Verdict.*Command\n +1 +new .*first\n +4 +new .*sec\\tond\n {9}waits for dependency group "g" \(not seen so far\), "cmd a" \(in this input\)\n\+ 4 further commands/,
    );
    assert.match(
      table.stderr,
      /Would add 3 new commands \(3 would be duplicates\) to the queue; nothing was added\n/,
    );
    assert.match(
      table.stderr,
      /Of the duplicates, 1 is in the queue already, and 2 stand earlier in the input\n/,
    );
    const begin = table.asked.find(({ type }) => type === 'addBegin');
    assert.ok(begin?.type === 'addBegin' && begin.env === undefined);
    assert.deepEqual(begin.dryRun, { show: 2 });
    const json = await wr(['add', '-f', file('a\n'), '--dry_run', '--output', 'json'], answer);
    const parsed = JSON.parse(json.stdout) as Record<'Line' | 'Verdict' | 'Cmd' | 'WaitsFor', unknown>[];
    assert.deepEqual(parsed[1]?.WaitsFor, [
      { DepGroup: 'g', State: 'unseen' },
      { Cmd: 'cmd a', State: 'added' },
    ]);
    assert.deepEqual(
      parsed.map(({ Line, Verdict, Cmd }) => [Line, Verdict, Cmd]),
      [
        [1, 'new', 'first'],
        [4, 'new', 'sec\tond'],
      ],
    );
    const details = await wr(['add', '-f', file('a\n'), '--dry_run', '--output', 'd'], answer);
    assert.match(details.stdout, /\n# first\n[\s\S]*\nLine 1: would be added\n/);
  });

  it('refuses options that contradict a dry run', async () => {
    for (const [argv, text] of [
      [['--dry_run', '--sync'], /--dry_run adds nothing/],
      [['--dry_run', '-s'], /--dry_run adds nothing/],
      [['--output', 'json'], /--output goes with --dry_run; the override is -o/],
      [['--limit', '3'], /--limit goes with --dry_run; --head adds only the first/],
      [
        ['--dry_run', '--output', 'xml'],
        /--output must be one of table, details, json with --dry_run, not "xml"/,
      ],
      [['--dry_run', '--limit', '-1'], /--limit value \(-1\) must not be negative/],
    ] as const) {
      const { code, stderr, links } = await wr(['add', '-f', file('a\n'), ...argv], added());
      assert.deepEqual([code, links.length], [1, 0]);
      assert.match(stderr, text);
    }
  });

  it('says of a dry run when the input is no UTF-8', async () => {
    const path = file('');
    const dry = async (bytes: readonly number[]): Promise<string> => {
      writeFileSync(path, Buffer.from(bytes));
      return (await wr(['add', '-f', path, '--dry_run'], added())).stderr;
    };
    assert.match(
      await dry([0xff, 0xfe, 0x0a]),
      /WARN.*not UTF-8 throughout.*\\xNN here, and run as they stand/,
    );
    assert.doesNotMatch(await dry([...Buffer.from('echo ü\n')]), /UTF-8/);
  });

  it('names flags that cannot be used yet as they were given', async () => {
    for (const [argv, text] of [
      [['--mounts', 'ur:bucket'], / --mounts \(ur:bucket\) cannot be used yet: nothing was added/],
      [['-j', '[{"Targets":[{"Path":"b"}]}]'], / --mount_json \(\[\{"Targets".*\) cannot be used yet/],
      [['--with_docker', 'alpine'], / --with_docker \(alpine\) cannot be used yet/],
    ] as const)
      assert.match((await wr(['add', '-f', file('a\n'), ...argv], added())).stderr, text);
    assert.match(
      (await wr(['mod', '-a', '--mounts', 'ur:bucket'])).stderr,
      / --mounts \(ur:bucket\) cannot be used yet: nothing was changed/,
    );
  });

  it('gives hints that fit what was wrong with the input', async () => {
    const empty = await wr(['add', '-f', file('\n')], added({ added: 0 }));
    assert.match(
      empty.stderr,
      /holds no command, so nothing was added — every line that is not blank is a command\n/,
    );
    const sync = await wr(['add', '--sync', '-f', file('a\nb\n')], added());
    assert.match(sync.stderr, /exactly one command, but .* holds 2 — give one, or add without --sync/);
    const unnamed = await wr(['add', '-f', ''], added());
    assert.match(unnamed.stderr, /--file is empty — name a file, or - for STDIN\n/);
    assert.match((await wr(['add', '-f', '/no/such'], added())).stderr, /check the path/);
    const usage = await wr(['add', '--limit', 'x'], added());
    assert.match(usage.stderr, /^ERROR\[.*\] --limit needs a whole number, not "x"\nUsage:\n/);
  });

  it('prints ids alone with --simple, and fails without any', async () => {
    const simple = await wr(['add', '-s', '-f', file('a\nb\n')], added());
    assert.equal(simple.stdout, `${'ab'.repeat(16)}\n`.repeat(2));
    assert.equal(simple.stderr, '');
    const none: Answer = (request, link, options) =>
      added()(request, link, { ...options, onPart: () => undefined });
    assert.equal((await wr(['add', '-s', '-f', file('a\n')], none)).code, 1);
  });

  it('waits with --sync, shows the output and exits as the command did', async () => {
    const sync = await wr(['add', '--sync', '-f', file('\na\n')], added());
    assert.deepEqual([sync.code, sync.stdout, sync.stderr], [7, 'out\n', 'err\n']);
    const several = await wr(['add', '--sync', '-f', file('a\nb\n')], added());
    assert.equal(several.code, 1);
    assert.match(several.stderr, /--sync needs exactly one command, but .* holds 2/);
    assert.equal(several.asked.length, 0);
  });

  it('sends the environment and the directory to a manager on this host only', async () => {
    const begun = async (argv: string[], address: string) => {
      const answer: Answer = (request, link, options) =>
        request.type === 'managerStatus'
          ? ({ type: 'managerStatus', address } as unknown as Reply)
          : added()(request, link, options);
      const { asked, stderr } = await wr(['add', '-f', file('a\n'), ...argv], answer);
      const begin = asked.find(({ type }) => type === 'addBegin');
      assert.ok(begin?.type === 'addBegin');
      return { cwd: begin.defaults.cwd, env: begin.env !== undefined, warned: /WARN.*\/tmp/.test(stderr) };
    };
    const elsewhere = '203.0.113.77:9';
    assert.deepEqual(await begun([], '127.0.0.1:9'), { cwd: '/home/ann/work', env: true, warned: false });
    assert.deepEqual(await begun([], elsewhere), { cwd: '/tmp', env: false, warned: true });
    assert.deepEqual(await begun(['--cwd_matters'], elsewhere), {
      cwd: '/home/ann/work',
      env: false,
      warned: false,
    });
    assert.deepEqual(await begun(['--cwd', '/x'], elsewhere), { cwd: '/x', env: false, warned: false });
    assert.deepEqual(await begun(['--remote_same_as_local'], elsewhere), {
      cwd: '/home/ann/work',
      env: true,
      warned: false,
    });
  });

  it('repeats an add under its id when the connection is lost', async () => {
    let lost = 0;
    const ids = new Set<string>();
    const answer: Answer = (request, link, options) => {
      if (request.type === 'addBegin') ids.add(request.requestId);
      if (request.type === 'addEnd' && lost < 2) {
        lost += 1;
        throw new WrError('DISCONNECTED', 'gone');
      }
      return added()(request, link, options);
    };
    const { code, links, stderr } = await wr(['add', '-f', file('a\nb\n')], answer);
    assert.equal(code, 0);
    assert.equal(links.length, 3);
    assert.equal(ids.size, 1);
    assert.match(stderr, /connection to the manager was lost/);
    const sent = links.map(({ told }) =>
      told.map((message) => (message.type === 'addFrame' ? String(Buffer.from(message.bytes)) : '')),
    );
    assert.deepEqual(sent, [['a\nb\n'], ['a\nb\n'], ['a\nb\n']]);
  });

  it('waits on with --sync when the manager goes away, without adding again', async () => {
    let settles = 0;
    const answer: Answer = (request, link, options) => {
      if (request.type === 'settle') settles += 1;
      if (request.type === 'settle' && settles === 1) throw new WrError('DISCONNECTED', 'gone');
      return added()(request, link, options);
    };
    const { code, stdout, stderr, asked, links } = await wr(['add', '--sync', '-f', file('a\n')], answer);
    assert.deepEqual([code, stdout, links.length, settles], [7, 'out\n', 2, 2]);
    assert.equal(asked.filter(({ type }) => type === 'addEnd').length, 1);
    assert.match(stderr, /WARN.*the manager is away[\s\S]*INFO.*answers again[\s\S]*err\n/);
  });

  it('refuses bad input before it connects', async () => {
    for (const [argv, text] of [
      [['-f', join(directory, 'none')], /none does not exist/],
      [['-f', directory], /is a directory/],
      [['-f', ''], /--file is empty/],
      [['-p', '999', '-f', '-'], /--priority value \(999\)/],
      [['--head', '-1'], /--head value \(-1\) must not be negative/],
    ] as const) {
      const { code, stderr, links } = await wr(['add', ...argv], added());
      assert.equal(code, 1);
      assert.match(stderr, text);
      assert.equal(links.length, 0);
    }
  });

  it('finds an empty file an error', async () => {
    const { code, stderr } = await wr(['add', '-f', file('')], added({ added: 0 }));
    assert.equal(code, 1);
    assert.match(stderr, /holds no command, so nothing was added/);
  });
});

describe('commands that come later', () => {
  it('understand their flags and then say that they cannot do it yet', async () => {
    for (const argv of [
      ['mount', '-m', 'ur:b'],
      ['cloud', 'servers'],
      ['k8s', 'deploy', '-n', 'x'],
    ]) {
      const { code, stderr } = await wr(argv);
      assert.equal(code, 1);
      assert.match(stderr, /is not supported yet/, argv.join(' '));
    }
  });
});
