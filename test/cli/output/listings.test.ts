import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addCounts, countsText, NO_COUNTS } from '../../../cli/output/counts.ts';
import { detailsText } from '../../../cli/output/details.ts';
import { JsonArrayText } from '../../../cli/output/json.ts';
import { summaryText } from '../../../cli/output/summary.ts';
import {
  DEFAULT_LAYOUT,
  groupedRows,
  parseLayout,
  tableHeader,
  tableRow,
} from '../../../cli/output/table.ts';
import { shortTime } from '../../../cli/output/times.ts';
import type { GroupSummary } from '../../../core/client-replies.ts';
import { makeStatusJob } from '../status-job.ts';

const COUNTS = {
  ready: 1,
  dependent: 2,
  delayed: 3,
  suspended: 4,
  reserved: 5,
  running: 6,
  lost: 7,
  buried: 8,
  complete: 9,
};
const AT_MS = new Date(2026, 2, 4, 5, 6, 7).getTime();
const SECONDS = AT_MS / 1000;

describe('countsText', () => {
  it('has eight lines in order, reserved counted as running, and an empty one', () => {
    assert.equal(
      countsText(COUNTS),
      'complete: 9\nrunning: 11\nready: 1\ndependent: 2\nsuspended: 4\nlost contact: 7\ndelayed: 3\nburied: 8\n\n',
    );
  });

  it('adds up', () => {
    assert.deepEqual(addCounts(COUNTS, NO_COUNTS), COUNTS);
    assert.equal(addCounts(COUNTS, COUNTS).lost, 14);
  });
});

describe('summaryText', () => {
  const none = { mean: 0, sd: 0 };
  const group = (repGroup: string, more: Partial<GroupSummary> = {}): GroupSummary => ({
    repGroup,
    counts: NO_COUNTS,
    memoryMb: none,
    diskMb: none,
    wallMs: none,
    cpuMs: none,
    firstStartMs: 0,
    lastEndMs: 0,
    buried: [],
    ...more,
  });
  it('has one line for a group whose name holds a line feed', () => {
    assert.match(summaryText({ groups: [group('a\nb')], all: group('') }), /^a\\nb : complete=0 .*\n\n$/);
  });

  const zero = 'running=0 ready=0 dependent=0 suspended=0 lost=0 delayed=0';

  it('sorts groups and adds a line for all of several', () => {
    const text = summaryText({ groups: [group('b'), group('a')], all: group('all') });
    assert.equal(
      text,
      `a : complete=0 ${zero} buried=0\nb : complete=0 ${zero} buried=0\nall above : complete=0 ${zero} buried=0\n\n`,
    );
    assert.equal(summaryText({ groups: [group('a')], all: group('a') }).split('\n').length, 3);
  });

  it('shows usage of complete commands, times of several, and buried ones by their problem', () => {
    const text = summaryText({
      groups: [
        group('g', {
          counts: { ...NO_COUNTS, complete: 2, buried: 3 },
          memoryMb: { mean: 10.4, sd: 1.6 },
          wallMs: { mean: 1500, sd: 500.0004 },
          firstStartMs: AT_MS,
          lastEndMs: AT_MS + 90_000,
          buried: [
            { exitCode: 2, reason: 'command exited non-zero', keys: ['k3'] },
            { exitCode: 1, reason: 'command exited non-zero', keys: ['k1', 'k2'] },
          ],
        }),
      ],
      all: group('g'),
    });
    assert.equal(
      text,
      `g : complete=2 ${zero} buried=3 memory=10MB(+/-2MB) disk=0MB(+/-0MB) walltime=1.5s(+/-500ms) cputime=0s(+/-0s)` +
        ' started=26/3/4-05:06:07 ended=26/3/4-05:07:37 elapsed=1m30s' +
        ' exitcode.1,"command exited non-zero"=k1,k2 exitcode.2,"command exited non-zero"=k3\n\n',
    );
  });
});

describe('detailsText', () => {
  const show = (job: Parameters<typeof makeStatusJob>[0], more = {}) =>
    detailsText(makeStatusJob(job), { nowMs: AT_MS, output: true, env: false, ...more });

  it('shows a command that waits', () => {
    assert.equal(
      show({}),
      `
# echo 1
Cwd: /base
Behaviours: {"on_exit":[{"cleanup":true}]}
Id: rg (f8db6e0c2b0846db6407afcd12df4f3c); Requirements group: echo; Priority: 0; Attempts: 0
Expected requirements: { memory: 1024MB; time: 1h0m0s; cpus: 1 disk: 0GB }
Requirements from: { memory: the default; time: you; disk: the default }
Status: ready, waiting for a runner to become free
`,
    );
  });

  it('says which requirements were learned or have grown, and what was asked for', () => {
    const text = show({
      ExpectedFrom: {
        RAM: { From: 'learned', Asked: 1024, Runs: 12 },
        Time: { From: 'grown', Asked: 90, Runs: 3 },
        Disk: { From: 'learned', Asked: 0, Runs: 1 },
      },
    });
    const line =
      'Requirements from: { memory: 12 runs of echo, instead of 1024MB; time: an attempt that ran out, instead of 1m30s; ' +
      'disk: 1 run of echo, instead of 0GB }\n';
    assert.ok(text.includes(line), text);
  });

  it('measures a peak by the memory first asked for, whatever the next attempt is given', () => {
    const ran = {
      State: 'buried',
      Exited: true,
      FailReason: 'command exited non-zero',
      PeakRAM: 1_500,
    } as const;
    assert.ok(show({ ...ran, ExpectedRAM: 3_000 }).includes('; note: command used too much RAM\n'));
    assert.ok(!show({ ...ran, ExpectedRAM: 300, PeakRAM: 900 }).includes('note:'));
  });

  it('shows attributes where they are set', () => {
    const text = show({
      Modules: ['a', 'b'],
      Mounts: '[{}]',
      HomeChanged: true,
      WithDocker: 'img',
      ContainerMounts: '/a',
      MonitorDocker: '?',
      OtherRequests: ['cloud_os:x'],
      DepGroups: ['d1'],
      Dependencies: ['d2'],
      LimitGroups: ['l:3'],
    });
    for (const part of [
      'Modules: a, b; Mounts: [{}]\nChanged home: true\n',
      'img\nContainer mounts: /a\n',
      'first container started\n',
      'Resource requirements: cloud_os:x\n',
      'Dependency groups: d1; Dependencies: d2; Limit groups: l:3; Priority: 0;',
    ]) {
      assert.ok(text.includes(part), part);
    }
  });

  const ended = {
    Started: SECONDS,
    Ended: SECONDS + 2,
    Exited: true,
    Host: 'h',
    HostIP: '1.2.3.4',
    Pid: 77,
    Attempts: 1,
  };

  it('shows what a buried command did, with its output', () => {
    const text = show({
      ...ended,
      State: 'buried',
      Exitcode: 3,
      FailReason: 'command exited non-zero',
      Walltime: 2,
      CPUtime: 0.5,
      StdErr: 'oops',
    });
    assert.ok(text.includes('Status: buried: '));
    assert.ok(text.includes('(attempted at 26/3/4-05:06:07)\nPrevious problem: command exited non-zero\n'));
    assert.ok(
      text.endsWith(
        'Stats of previous attempt: { Exit code: 3; Peak memory: 0MB; Peak disk: 0MB; Wall time: 2s; CPU time: 500ms }\n' +
          'Host: h (IP: 1.2.3.4); Pid: 77\nStdOut: [none]\nStdErr:\noops\n',
      ),
      text,
    );
  });

  it('leaves output out for -f and for successes', () => {
    assert.ok(
      !show({ ...ended, State: 'buried', Exitcode: 3, StdErr: 'oops' }, { output: false }).includes('oops'),
    );
    const complete = show({ ...ended, State: 'complete', HostID: 'id1' });
    assert.ok(
      complete.includes(
        'Status: complete (started 26/3/4-05:06:07; ended 26/3/4-05:06:09)\nStats: { Exit code: 0;',
      ),
    );
    assert.ok(complete.endsWith('Host: h (IP: 1.2.3.4, ID: id1); Pid: 77\n'));
    const unseen = show({ ...ended, State: 'complete', Pid: 0 });
    assert.ok(unseen.endsWith('Host: h (IP: 1.2.3.4)\n'));
  });

  it('notes a use of more memory than was asked for', () => {
    const job = {
      ...ended,
      State: 'buried',
      Exitcode: 1,
      FailReason: 'command exited non-zero',
      PeakRAM: 2000,
    };
    assert.ok(
      show(job).includes('Previous problem: command exited non-zero; note: command used too much RAM\n'),
    );
  });

  it('says when a delayed command becomes ready, never in the past', () => {
    const delayed = { ...ended, State: 'delayed', Exitcode: 1 };
    assert.ok(show({ ...delayed, Ready: SECONDS + 65 }).includes('will become ready in 1m5s (attempted at'));
    assert.ok(show({ ...delayed, Ready: SECONDS - 65 }).includes('will become ready imminently'));
    assert.ok(!show({ ...delayed, Started: null }).includes('attempted'));
  });

  it('shows live figures and output of what runs', () => {
    const text = show({
      State: 'running',
      Started: SECONDS,
      Host: 'h',
      HostIP: 'ip',
      Pid: 5,
      PeakRAM: 12,
      Walltime: 61,
      StdOut: 'so far',
    });
    assert.ok(
      text.includes(
        'Status: running (started 26/3/4-05:06:07)\nStats: { Peak memory: 12MB; Peak disk: 0MB; Wall time: 1m1s;',
      ),
    );
    assert.ok(text.endsWith('StdOut:\nso far\n'));
    const wild = show({ State: 'running', Started: SECONDS, StdOut: '\u001b[2Jso\tfar\r\n' });
    assert.ok(wild.endsWith('StdOut:\n\\x1b[2Jso\tfar\\x0d\n'), 'nothing that a terminal would obey');
  });

  it('explains burials before the start, unseen groups and hidden commands', () => {
    assert.ok(
      show({ State: 'buried', StdErr: 'no such directory' }).includes('Details: no such directory\n'),
    );
    assert.ok(
      show({ State: 'dependent', WaitingForDepGroups: ['g1', 'g2'] }).includes('not yet been seen: g1, g2'),
    );
    assert.ok(show({ State: 'suspended' }).includes('wr resume'));
    assert.ok(show({ Similar: 4 }).endsWith('+ 4 other commands with the same status\n'));
    assert.ok(
      show({ ...ended, State: 'buried', FailReason: 'killed by user request', Similar: 2 }).endsWith(
        '+ 2 other commands with the same status, exit code and problem\n',
      ),
    );
  });

  it('lets no control character through to the terminal', () => {
    assert.ok(show({ Cmd: 'echo \u001B[2J\ta\nb\r' }).startsWith('\n# echo \\x1b[2J\ta\nb\\x0d\n'));
  });

  it('keeps a name within its line, whatever it holds', () => {
    const text = show({ RepGroup: 'a\tb\nc\u001B', ReqGroup: 'd\ne', LimitGroups: ['f\n'] });
    assert.ok(text.includes('Id: a\\tb\\nc\\x1b ('));
    assert.ok(text.includes('Requirements group: d\\ne; Limit groups: f\\n; '));
  });

  it('shows the environment when asked', () => {
    assert.ok(show({ Env: ['A=1', 'B=2'] }, { env: true }).includes('Env: [A=1 B=2]\n'));
  });

  it('shows the directory itself where it matters', () => {
    assert.ok(show({ CwdMatters: true, Cwd: '/x' }).includes('Cwd: /base\n'));
    assert.ok(show({ Cwd: '/wr_cwd/1' }).includes('Cwd: /base/wr_cwd/1\n'));
    assert.ok(show({ CwdBase: 'rel', Cwd: '/x/rel/wr_cwd/1' }).includes('Cwd: /x/rel/wr_cwd/1\n'));
  });
});

describe('details of a success', () => {
  const shown = (StdErr: string): string =>
    detailsText(makeStatusJob({ State: 'complete', Exited: true, Started: 1, Ended: 2, StdErr }), {
      nowMs: AT_MS,
      output: true,
      env: false,
    });

  it('have what went wrong after it, and no output otherwise', () => {
    assert.match(
      shown('Behaviour problems:\n[false] ended with exit code 1'),
      /\nStdErr:\nBehaviour problems:\n/,
    );
    assert.doesNotMatch(shown(''), /Std/);
  });
});

describe('json', () => {
  it('is one array on one line, in the members’ order, without what is ours alone', () => {
    const array = new JsonArrayText();
    const job = makeStatusJob({ Cmd: 'a < b && c' });
    const text = array.part([job]) + array.part([]) + array.part([job, job]) + array.end();
    assert.ok(text.endsWith(']\n\n'));
    const parsed = JSON.parse(text) as Record<string, unknown>[];
    assert.equal(parsed.length, 3);
    assert.deepEqual(Object.keys(parsed[0] ?? {}).slice(0, 4), [
      'LimitGroups',
      'DepGroups',
      'Modules',
      'Dependencies',
    ]);
    assert.ok(!text.includes('"wr"'));
    assert.ok(text.includes('"Cmd":"a < b && c"'));
    assert.equal(new JsonArrayText().end(), '[]\n\n');
  });
});

describe('table', () => {
  it('lays out columns as configured, widths not below their headers', () => {
    const columns = parseLayout('CMD:3 tries:1 host:6 Req-Group:1');
    assert.equal(tableHeader(columns), 'Command  Attempts  Host    Requirements group\n');
    const job = makeStatusJob({ Cmd: 'echo a long one', Attempts: 2, HostIP: 'ip9' });
    assert.equal(tableRow(columns, job, 1), 'echo...         2  ip9     echo\n');
  });

  it('cuts by code point', () => {
    const columns = parseLayout('command:7');
    assert.equal(tableRow(columns, makeStatusJob({ Cmd: '😀😀😀😀😀😀😀😀' }), 1), '😀😀😀😀...\n');
  });

  it('shows reserved as running, and what waits for unseen groups', () => {
    const columns = parseLayout('status:12');
    assert.equal(tableRow(columns, makeStatusJob({ State: 'reserved' }), 1), 'running\n');
    assert.equal(
      tableRow(columns, makeStatusJob({ State: 'dependent', WaitingForDepGroups: ['g'] }), 1),
      'waiting-deps\n',
    );
  });

  it('gives each row the size of its group', () => {
    const columns = parseLayout('count:5');
    assert.equal(
      groupedRows(columns, [
        makeStatusJob({}),
        makeStatusJob({ Similar: 8 }),
        makeStatusJob({ State: 'buried' }),
      ]),
      '   10\n   10\n    1\n',
    );
  });

  it('refuses bad layouts', () => {
    for (const layout of ['command', 'command:0', 'command:x', 'nonsense:4', 'a:1:2']) {
      assert.throws(() => parseLayout(layout), { code: 'BAD_OPTION' }, layout);
    }
    assert.equal(parseLayout(DEFAULT_LAYOUT).length, 7);
  });
});

describe('shortTime', () => {
  it('pads the year and the time only', () => {
    assert.equal(shortTime(new Date(2005, 0, 9, 1, 2, 3).getTime()), '05/1/9-01:02:03');
  });
});
