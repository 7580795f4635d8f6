import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inputOf } from '../../cli/command-input.ts';
import { bsub } from '../../cli/commands/lsf-bsub.ts';
import { bjobsFormat, bjobsTable } from '../../cli/lsf/bjobs-table.ts';
import { BsubScript } from '../../cli/lsf/bsub-script.ts';
import { jobIds } from '../../cli/lsf/job-ids.ts';
import { parentJob } from '../../cli/lsf/parent-job.ts';
import { main } from '../../cli/main.ts';
import { NO_COUNTS } from '../../cli/output/counts.ts';
import type { AddedReply } from '../../core/client-replies.ts';
import type { AddBegin } from '../../core/client-requests.ts';
import { WrError } from '../../core/errors.ts';
import type { Reply } from '../../core/protocol.ts';
import type { Selector } from '../../core/selector.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { type Answer, FakeLink, fakeContext, never, type Question } from './fake-link.ts';
import { makeStatusJob } from './status-job.ts';

function script(...lines: string[]): BsubScript {
  const read = new BsubScript();
  for (const line of lines) read.take(line);
  return read;
}

describe('what is typed to bsub', () => {
  it('is a command as it stands, with the options of its #BSUB lines', () => {
    const read = script(
      '#!/bin/bash',
      '#BSUB -J align',
      '#BSUB -n 2.5',
      '#BSUB -M 300',
      '#BSUB -q long',
      '  bwa mem x',
      '',
      '# done',
    );
    assert.equal(read.cmd, '#!/bin/bash\n  bwa mem x\n\n# done\n');
    assert.deepEqual([read.program, read.repGroup, read.cpus, read.memoryMb], ['bwa', 'align', 2.5, 300]);
  });

  it('keeps options of several letters as comments, and drops those that are of LSF alone', () => {
    assert.equal(
      script('#BSUB -oo file', '#BSUB', '#BSUB -W 4:00', 'true').cmd,
      '#BSUB -oo file\n#BSUB\ntrue\n',
    );
  });

  it('may have several options on a line, as scripts for LSF do', () => {
    const read = script(`#BSUB -n 2 -R "select[mem>1] span[hosts=1]" -J 'a b' -M 300`, 'true');
    assert.deepEqual([read.cpus, read.repGroup, read.memoryMb, read.cmd], [2, 'a b', 300, 'true\n']);
    const array = script('#BSUB -q long -J "x[1-3]%2" -n 4');
    assert.deepEqual([array.repGroup, array.array, array.cpus], ['x', '1-3', 4]);
    assert.equal(script('#BSUB -J one -name').repGroup, 'one -name', 'this is no option');
    assert.throws(() => script('#BSUB -n 4 -x -J name'), /#BSUB -n value \(4 -x -J name\)/);
  });

  it('may have quotes around a value', () => {
    assert.equal(script('#BSUB -J "a b"').repGroup, 'a b');
  });

  it('holds no command when there are only comments and blanks', () => {
    assert.equal(script('#!/bin/sh', '', '   ', '#BSUB -J x').program, '');
  });

  it('is refused when an option makes no sense', () => {
    assert.throws(() => script('#BSUB -n many'), /#BSUB -n.*many.*number of cores/);
    assert.throws(() => script('#BSUB -n -1'), /#BSUB -n.*-1.*negative/);
    assert.throws(() => script('#BSUB -M 2GB'), /#BSUB -M.*2GB.*whole number/);
    assert.equal(script('#BSUB -J name[x]').repGroup, 'name[x]');
  });

  it('may be a job array, whose commands find their index where LSF puts it', () => {
    const array = script('#BSUB -J "align[1-10:2]%4"', 'bwa $LSB_JOBINDEX');
    assert.deepEqual([array.repGroup, array.array, array.limitGroups], ['align', '1-10:2', ['align:4']]);
    assert.deepEqual(JSON.parse(array.line()), {
      cmd: 'export LSB_JOBINDEX={}\nbwa $LSB_JOBINDEX\n',
      array: '1-10:2',
    });
    const nameless = script('#BSUB -J [3,5]', 'true');
    assert.deepEqual([nameless.repGroup, nameless.array, nameless.limitGroups], ['bsub', '3,5', []]);
    assert.deepEqual(JSON.parse(script('true').line()), { cmd: 'true\n' });
  });

  it('is refused when a job array has no indexes or too many, or its command would change', () => {
    assert.throws(() => script('#BSUB -J name[5-1]'), /#BSUB -J value \(5-1\).*ends below where it begins/);
    assert.throws(() => script('#BSUB -J name[1-100000000]'), /#BSUB -J.*at most 10000000 commands/);
    assert.throws(() => script('#BSUB -J name[,]'), /#BSUB -J value \(,\).*1-1000, 1-100:2/);
    assert.throws(() => script('#BSUB -J a~b[1-2]%3'), /#BSUB -J value \(a~b:3\).*no ~/);
    assert.throws(
      () => script('#BSUB -J n[1-2]', 'find . -exec cat {} +').line(),
      /a job array must not hold \{\}: it would become the index/,
    );
  });
});

const added =
  (more: Partial<AddedReply>) =>
  (request: Question): Reply => ({
    type: 'added',
    id: request.id,
    added: 1,
    queued: 0,
    complete: 0,
    usedDefaultRepGroup: true,
    warnings: [],
    bsubId: 7,
    ...more,
  });

/** Runs bsub on a text, against a manager that answers the end of an add. */
async function runBsub(text: string | Uint8Array, end: Answer, env: Record<string, string> = {}) {
  const links: FakeLink[] = [];
  const answer: Answer = (request, link, options) =>
    request.type === 'addEnd' ? end(request, link, options) : never();
  const connect = (): FakeLink => {
    const link = new FakeLink(answer);
    links.push(link);
    return link;
  };
  const context = fakeContext(connect, { env });
  const code = await bsub(inputOf(Buffer.from(text), 'test').fill, undefined, context);
  const begins = links.flatMap(({ asked }) =>
    asked.filter((request): request is AddBegin => request.type === 'addBegin'),
  );
  const frame = links[0]?.told.find((message) => message.type === 'addFrame');
  const line = frame?.type === 'addFrame' ? Buffer.from(frame.bytes).toString() : '';
  return { code, stdout: context.stdout(), stderr: context.stderr(), begins, line };
}

describe('wr lsf bsub', () => {
  it('prompts for each line, adds the command and says its number', async () => {
    const { code, stdout, begins, line } = await runBsub('#BSUB -M 20\necho "1"\ntrue', added({}));
    assert.equal(code, 0);
    assert.equal(stdout, 'bsub> bsub> bsub> bsub> Job <7> is submitted to default queue <wr>.\n');
    assert.deepEqual(JSON.parse(line), { cmd: 'echo "1"\ntrue\n' });
    const [begin] = begins;
    assert.ok(begin);
    const { cwd, cwdMatters, repGroup, reqGroup, cpus, memoryMb, override, timeMs, retries, bsubMode } =
      begin.defaults;
    assert.deepEqual(
      { cwd, cwdMatters, repGroup, reqGroup, cpus, memoryMb, override, timeMs, retries, bsubMode },
      {
        cwd: '/home/ann/work',
        cwdMatters: true,
        repGroup: 'bsub',
        reqGroup: 'echo',
        cpus: 1,
        memoryMb: 20,
        override: 2,
        timeMs: 3_600_000,
        retries: 0,
        bsubMode: 'production',
      },
    );
    assert.equal(begin.rerun, true);
    assert.ok(begin.env && begin.env.byteLength > 0);
  });

  it('asks for 1000 MB unless told', async () => {
    const { begins } = await runBsub('true\n', added({}));
    assert.deepEqual([begins[0]?.defaults.memoryMb, begins[0]?.defaults.override], [1000, 0]);
  });

  it('exits 255 without a command, and for a duplicate', async () => {
    const none = await runBsub('', never);
    assert.deepEqual([none.code, none.stdout], [255, 'bsub> No command is specified. Job not submitted.\n']);
    assert.equal(none.begins.length, 0);
    const twice = await runBsub('true\n', added({ added: 0, queued: 1, bsubId: 0 }));
    assert.deepEqual(
      [twice.code, twice.stdout],
      [255, 'bsub> bsub> Duplicate command specified. Job not submitted.\n'],
    );
  });

  it('sends its job again under the same name when the connection is lost', async () => {
    let lost = 0;
    const { code, begins, stderr } = await runBsub('true\n', (request) => {
      lost += 1;
      if (lost === 1) throw new WrError('DISCONNECTED', 'gone');
      return added({})(request);
    });
    assert.equal(code, 0);
    assert.equal(begins.length, 2);
    assert.equal(begins[0]?.requestId, begins[1]?.requestId);
    assert.match(stderr, /adding again, which adds nothing twice/);
  });

  it('takes over what the command that calls it was given', async () => {
    const WR_BSUB_CONFIG = JSON.stringify({
      MountConfigs: [{ Targets: [{ Path: 'bucket' }] }],
      Requirements: { RAM: 5, Other: { scheduler_queue: 'long' } },
      BsubMode: 'development',
      Host: 'here',
    });
    const { begins } = await runBsub('true\n', added({}), { WR_BSUB_CONFIG });
    assert.deepEqual(begins[0]?.defaults.other, { scheduler_queue: 'long' });
    assert.deepEqual(begins[0]?.defaults.mounts, [{ Targets: [{ Path: 'bucket' }] }]);
    assert.equal(parentJob(WR_BSUB_CONFIG).deployment, 'development');
  });

  it('lets a WR_BSUB_CONFIG by that is none', () => {
    for (const text of [undefined, '', 'x', '[]', '{"Requirements":3,"BsubMode":"other"}'])
      assert.deepEqual(parentJob(text), { mounts: [], other: {}, deployment: '' });
    assert.throws(() => parentJob('{"MountConfigs":[{"Targets":3}]}'), /WR_BSUB_CONFIG: MountConfigs/);
  });

  it('refuses what it cannot keep as it is', async () => {
    for (const [text, why] of [
      [Buffer.from([0x61, 0xff, 0x0a]), /line 1 of the script is not UTF-8\. Job not submitted\.\n$/],
      [`${'x'.repeat(5 * 1024 * 1024)}\n`, /more than 4194304 bytes\. Job not submitted\.\n$/],
      ['#BSUB -n x\ntrue\n', /#BSUB -n value \(x\) .*\. Job not submitted\.\n$/],
    ] as const) {
      const { code, stdout, begins } = await runBsub(text, never);
      assert.deepEqual([code, begins.length], [255, 0]);
      assert.match(stdout, why);
    }
  });

  it('takes no arguments', async () => {
    const context = fakeContext(new FakeLink(never));
    assert.equal(await main('wr', ['lsf', 'bsub', 'sleep', '10'], context), 1);
    assert.match(context.stderr(), /bsub takes the command on STDIN, not as arguments/);
    const flag = fakeContext(new FakeLink(never));
    assert.equal(await main('/x/bsub', ['-q', 'long'], flag), 1);
    assert.match(flag.stderr(), /unknown flag -q/);
  });
});

const around = { user: 'ann', queue: 'wr', fromHost: 'head' };
const keyOf = (number: number): string => String(number).padStart(32, '0');
const numbered = (bsubId: number, more: Partial<StatusJob> = {}): StatusJob =>
  makeStatusJob({ ...more, wr: { startedMs: 0, endedMs: 0, readyMs: 0, bsubId, stoppedAfter: 0 } });

describe('the table of bjobs', () => {
  const jobs = [
    numbered(1, {
      State: 'running',
      RepGroup: 'align',
      Host: 'node-1',
      Started: Date.parse('2026-01-02T15:04:00') / 1000,
    }),
    numbered(12, { State: 'ready' }),
  ];

  it('has aligned columns, three blanks apart, and no empty cell', () => {
    assert.equal(
      bjobsTable(jobs, bjobsFormat(undefined, true), around),
      'JOBID   USER   STAT   QUEUE   FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME\n' +
        '1       ann    RUN    wr      head        node-1      align      Jan 02 15:04\n' +
        '12      ann    PEND   wr      head        -           rg         -\n',
    );
  });

  it('has the fields asked for, in any case, with a delimiter or a blank between them', () => {
    assert.equal(bjobsTable(jobs, bjobsFormat('jobid stat', false), around), '1 RUN\n12 PEND\n');
    assert.equal(
      bjobsTable(jobs, bjobsFormat('STAT JOBID delimiter=","', true), around),
      'STAT,JOBID\nRUN,1\nPEND,12\n',
    );
    assert.equal(bjobsTable(jobs, bjobsFormat("delimiter='' JOBID", false), around), '1\n12\n');
    assert.equal(
      bjobsTable(jobs, bjobsFormat('JOBID USER delimiter=; STAT', false), around),
      '1;ann;RUN\n12;ann;PEND\n',
    );
  });

  it('refuses fields there are not, naming those there are', () => {
    assert.throws(
      () => bjobsFormat('JOBID PROJ', true),
      /unsupported field 'PROJ'; there are JOBID USER STAT/,
    );
    assert.throws(() => bjobsFormat('delimiter=","', true), /-o names no field/);
  });

  it('has a STAT for each state', () => {
    const stats = [
      'ready',
      'delayed',
      'dependent',
      'reserved',
      'running',
      'lost',
      'buried',
      'complete',
      'suspended',
    ].map((State) => bjobsTable([numbered(1, { State })], bjobsFormat('stat', false), around).trim());
    assert.deepEqual(stats, ['PEND', 'PEND', 'PEND', 'PEND', 'RUN', 'UNKWN', 'EXIT', 'DONE', 'PSUSP']);
  });
});

/** A manager with these jobs. */
function manager(given: readonly StatusJob[]) {
  const log: string[] = [];
  const jobs = new Map(given.map((job) => [job.Key, job]));
  const chosen = (select: Selector): StatusJob[] =>
    [...jobs.values()].filter((job) => {
      if (select.by === 'keys') return Buffer.from(select.keys).toString('hex').includes(job.Key);
      assert.ok(select.by === 'bsub');
      return select.ids.length === 0 || select.ids.includes(job.wr?.bsubId ?? 0);
    });
  const answer: Answer = (request) => {
    const { id } = request;
    switch (request.type) {
      case 'status': {
        const { states, output, select } = request;
        assert.ok(states.length > 0 && !states.includes('complete'));
        const found = chosen(select).filter(({ State }) => (states as readonly string[]).includes(State));
        if (output === 'counts')
          return { type: 'counts', id, counts: { ...NO_COUNTS, ready: found.length } } as Reply;
        return { type: 'page', id, jobs: found, last: true };
      }
      case 'managerStatus':
        return { type: 'managerStatus', id, host: 'head' } as Reply;
      case 'kill':
        log.push(`kill ${request.confirmDead ? 'lost' : 'running'}`);
        return { type: 'changed', id, changed: 1, eligible: 1 };
      case 'settle': {
        log.push('settle');
        const key = Buffer.from(request.key).toString('hex');
        const job = jobs.get(key);
        if (job !== undefined) jobs.set(key, { ...job, State: 'buried' });
        return { type: 'settled', id, job: null };
      }
      case 'remove':
        log.push('remove');
        for (const { Key, State } of chosen(request.select)) if (State !== 'running') jobs.delete(Key);
        return { type: 'changed', id, changed: 1, eligible: 1 };
      default:
        throw new Error(request.type);
    }
  };
  return { log, jobs, context: fakeContext(new FakeLink(answer)) };
}

describe('wr lsf bjobs', () => {
  it('lists through a link of that name, with -noheader anywhere and -w', async () => {
    const { context } = manager([numbered(3)]);
    assert.equal(await main('/tmp/x/bjobs', ['-w', '-o', 'jobid queue', '-noheader', '-q', 'q'], context), 0);
    assert.equal(context.stdout(), '3 q\n');
    const { context: whole } = manager([numbered(3)]);
    await main('wr', ['lsf', 'bjobs'], whole);
    assert.match(whole.stdout(), /^JOBID {3}USER .*\n3 .* PEND {3}wr {6}head /);
  });

  it('says that there is none', async () => {
    const { context } = manager([]);
    assert.equal(await main('bjobs', [], context), 0);
    assert.equal(context.stdout(), 'No unfinished job found\n');
  });

  it('refuses what is no job id, and a field there is not, before it connects', async () => {
    const { context } = manager([]);
    assert.equal(await main('bjobs', ['12x'], context), 1);
    assert.match(context.stderr(), /"12x" is no job id: one is a whole number/);
    const { context: field } = manager([]);
    assert.equal(await main('bjobs', ['-o', 'nope'], field), 1);
    assert.match(field.stderr(), /unsupported field 'nope'/);
  });
});

describe('wr lsf bkill', () => {
  it('kills what runs, waits for its end and removes it, and says of the others that they have finished', async () => {
    const running = numbered(1, { State: 'running', Key: keyOf(1) });
    const { context, log, jobs } = manager([
      running,
      numbered(2, { Key: keyOf(2) }),
      numbered(9, { Key: keyOf(9) }),
    ]);
    assert.equal(await main('bkill', ['1', '2', '5', '2'], context), 0);
    assert.equal(
      context.stdout(),
      'Job <1> is being terminated\nJob <2> is being terminated\nJob <5>: Job has already finished\n',
    );
    const kill = ['kill running', 'kill lost'];
    assert.deepEqual(log, [...kill, ...kill, 'settle', 'remove', 'remove']);
    assert.deepEqual([...jobs.keys()], [keyOf(9)]);
  });

  it('takes single commands of a job array by their index', async () => {
    const array = (): StatusJob[] =>
      [1, 2, 3, 4].map((ArrayIndex) => numbered(7, { ArrayIndex, Key: keyOf(ArrayIndex), RepGroup: 'a' }));
    const { context, jobs } = manager(array());
    assert.equal(await main('bkill', ['7[2-3]', '7[9]'], context), 0);
    assert.equal(
      context.stdout(),
      'Job <7[2-3]> is being terminated\nJob <7[9]>: Job has already finished\n',
    );
    assert.deepEqual([...jobs.keys()], [keyOf(1), keyOf(4)]);
    const { context: list } = manager(array());
    await main('bjobs', ['-noheader', '-o', 'JOBID JOB_NAME JOBINDEX', '7[1,4]'], list);
    assert.equal(list.stdout(), '7 a[1] 1\n7 a[4] 4\n');
    const { context: whole, jobs: none } = manager(array());
    await main('bkill', ['7'], whole);
    assert.equal(none.size, 0);
  });

  it('touches nothing when all have finished', async () => {
    const { context, log } = manager([]);
    assert.equal(await main('bkill', ['4'], context), 0);
    assert.equal(context.stdout(), 'Job <4>: Job has already finished\n');
    assert.deepEqual(log, []);
  });

  it('needs ids, all of them whole numbers', async () => {
    const { context } = manager([]);
    assert.equal(await main('bkill', [], context), 1);
    assert.match(context.stderr(), /job ID must be specified/);
    for (const word of ['x', '0', '1.5', '-1', '99999999999', '1[', '[1]'])
      assert.throws(
        () => jobIds(['1', word]),
        (error: WrError) => error.message.startsWith(`"${word}" is no job id`),
      );
  });
});
