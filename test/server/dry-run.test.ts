import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DryPagePush } from '../../core/client-replies.ts';
import type { AddBegin } from '../../core/client-requests.ts';
import { decodeFrame } from '../../core/codec.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { TABLES } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { chooseSeed, seeded } from '../random.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { runJobs } from './manager-steps.ts';

/** Tries an add of some frames. */
async function tryOut(
  harness: ManagerHarness,
  frames: readonly string[],
  more: Partial<Pick<AddBegin, 'defaults' | 'rerun' | 'head' | 'env'>> = {},
  show = 0,
) {
  const peer = new TestPeer();
  const requestId = `try ${harness.nextId()}`;
  const begin = { defaults: DEFAULT_JOB_OPTIONS, rerun: false, head: 0, wantKeys: false, ...more };
  harness.send(peer, { type: 'addBegin', id: harness.nextId(), requestId, dryRun: { show }, ...begin });
  frames.forEach((text, seq) => {
    harness.send(peer, { type: 'addFrame', requestId, seq, bytes: Buffer.from(text) });
  });
  harness.send(peer, { type: 'addEnd', id: harness.nextId(), requestId, frames: frames.length });
  await settle(40);
  const lines = peer.frames.flatMap((frame) => decodeFrame<DryPagePush>(frame).flatMap((page) => page.lines));
  return { peer, lines, said: lines.map(({ line, verdict, job }) => `${line} ${verdict} ${job.Cmd}`) };
}

describe('an add that is only tried', () => {
  it('says of each line what it means and what would become of it, over all frames', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('done\n');
    await runJobs(harness, 1, 'complete');
    await harness.add('waiting\n');
    const { peer, said, lines } = await tryOut(harness, [
      'new\n\nwaiting\n',
      'done\nnew\nother\t{"priority":3,"memory":"2G","nonsense":1}\n',
    ]);
    assert.deepEqual(said, [
      '1 new new',
      '3 queued waiting',
      '4 complete done',
      '5 repeated new',
      '6 new other',
    ]);
    assert.deepEqual([lines[4]?.job.Priority, lines[4]?.job.ExpectedRAM], [3, 2048]);
    const { added, queued, complete, warnings } = peer.last('added');
    assert.deepEqual([added, queued, complete], [2, 2, 1]);
    assert.deepEqual(warnings, ['line 6: unknown option "nonsense" is ignored']);
    assert.equal(peer.count('addCredit'), 2);
  });

  it('warns of a home that a directory of the user cannot become, as the add does', async () => {
    const harness = await ManagerHarness.start();
    const line = '{"cmd":"a","cwd_matters":true,"change_home":true}\n';
    const { peer } = await tryOut(harness, [line]);
    const expected = ['change_home is without effect with cwd_matters: $HOME stays what it is'];
    assert.deepEqual(peer.last('added').warnings, expected);
    assert.deepEqual((await harness.add(line)).warnings, expected);
  });

  it('warns of what can never run, as the add does', async () => {
    const harness = await ManagerHarness.start();
    const line = 'a\t{"memory":"100G","cpus":5}\n';
    const { peer } = await tryOut(harness, [line]);
    const expected = [
      'commands that ask for so much cannot run here, and are buried unless less was learned: ' +
        '102400 MB of memory were asked for, and there are 8000 MB; 5 cores were asked for, and there are 4',
    ];
    assert.deepEqual(peer.last('added').warnings, expected);
    assert.deepEqual((await harness.add(line)).warnings, expected);
    const many = Array.from({ length: 50 }, (_, i) => `b ${i}\t{"cpus":${5 + i}}\n`).join('');
    assert.equal((await harness.add(many)).warnings.length, 20);
  });

  it('leaves nothing behind, in memory or on disk', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    await settle();
    const { queue } = harness.manager;
    const state = () => ({
      writes: store.writes,
      rows: TABLES.map((name) => store.count(name)),
      keys: queue.keys.size,
      end: queue.table.end,
      groups: queue.repGroups.end,
      schedulerGroups: queue.groups.end,
    });
    const before = state();
    const more = {
      defaults: { ...DEFAULT_JOB_OPTIONS, repGroup: 'fresh', memoryMb: 77 },
      env: Buffer.from('A=b'),
    };
    await tryOut(harness, ['b\t{"rep_grp":"x","limit_grps":["l:3"]}\nc\n'], more);
    await harness.clock.advance(2_000);
    assert.deepEqual(state(), before);
    harness.check();
  });

  it('counts complete commands as new with --rerun, and stops where --head says', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('done\n');
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(2_000);
    const { said } = await tryOut(harness, ['done\nb\nc\n'], { rerun: true, head: 2 });
    assert.deepEqual(said, ['1 new done', '2 new b']);
  });

  it('shows no more than is asked for, and counts all', async () => {
    const harness = await ManagerHarness.start();
    const { peer, said } = await tryOut(harness, ['a\nb\n', 'c\nd\n'], {}, 3);
    assert.deepEqual(said, ['1 new a', '2 new b', '3 new c']);
    assert.equal(peer.last('added').added, 4);
  });

  it('refuses a bad line by its number, as an add would', async () => {
    const harness = await ManagerHarness.start();
    const { peer } = await tryOut(harness, ['a\n', 'b\n{"cmd":7}\n']);
    const refusal = peer.received.find(({ type }) => type === 'error' || type === 'addRefused');
    assert.ok(refusal !== undefined && 'message' in refusal && /^line 3: cmd value/.test(refusal.message));
  });
});

describe('dependencies of an add that is only tried', () => {
  const line = (cmd: string, options: Record<string, unknown>): string =>
    `${cmd}\t${JSON.stringify(options)}\n`;
  type Tried = Awaited<ReturnType<typeof tryOut>>;
  const waits = ({ lines }: Tried): string[] =>
    lines.map(
      ({ job, waits: all }) => `${job.Cmd}: ${all.map(({ name, is }) => `${name} ${is}`).join(', ')}`,
    );
  const refusal = ({ peer }: Tried): string => {
    const found = peer.received.find(({ type }) => type === 'error');
    return found !== undefined && 'code' in found ? `${found.code} ${found.message}` : '';
  };
  /** What a true add of the same says. */
  const refusalOfAdd = (harness: ManagerHarness, text: string): Promise<string> =>
    harness.add(text).then(
      () => '',
      ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
    );

  it('are shown with what is known of them, and groups nobody has seen are warned of', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(line('over', { dep_grps: ['done'] }));
    await runJobs(harness, 1, 'complete');
    await harness.add(line('waiting', { dep_grps: ['queued'] }));
    const tried = await tryOut(harness, [
      line('a', { dep_grps: ['here'], deps: ['done', 'queued', 'later', 'never'] }),
      line('b', {
        dep_grps: ['later'],
        deps: ['here'],
        cmd_deps: [{ cmd: 'waiting' }, { cmd: 'a' }, { cmd: 'nobody' }],
      }) + line('waiting', { deps: ['never'] }),
    ]);
    assert.deepEqual(waits(tried), [
      'a: done done, queued queued, later unseen, never unseen',
      'b: here added, waiting queued, a added, nobody absent',
      'waiting: ',
    ]);
    // "a" and "b" wait for each other.
    assert.match(refusal(tried), /^DEPENDENCY_CYCLE commands would wait for each other for ever: /);
    const fine = await tryOut(harness, [line('c', { deps: ['never', 'done', 'later'] })]);
    assert.deepEqual(
      fine.peer.last('added').warnings,
      ['later', 'never'].map(
        (name) => `dependency group "${name}" has not been seen; dependent job(s) will wait until it appears`,
      ),
    );
    const { warnings } = await harness.add(line('c', { deps: ['never', 'done', 'later'] }));
    assert.deepEqual(fine.peer.last('added').warnings, warnings);
    harness.check();
  });

  it('are refused when commands would wait for each other, as a true add refuses them', async () => {
    for (const texts of [
      [line('self', { dep_grps: ['g'], deps: ['g'] })],
      [line('a', { dep_grps: ['x'], deps: ['y'] }), line('b', { dep_grps: ['y'], deps: ['x'] })],
      [line('a', { cmd_deps: [{ cmd: 'b' }] }), line('b', { cmd_deps: [{ cmd: 'a' }] })],
      [line('a', { dep_grps: ['x'], cmd_deps: [{ cmd: 'b' }] }) + line('b', { deps: ['x'] })],
    ]) {
      const harness = await ManagerHarness.start();
      const said = refusal(await tryOut(harness, texts));
      assert.match(said, /^DEPENDENCY_CYCLE /, texts.join(''));
      assert.equal(said, await refusalOfAdd(harness, texts.join('')));
    }
  });

  it('are refused also when what closes the circle is in the queue', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(line('first', { deps: ['open'], dep_grps: ['p'] }));
    await harness.add(line('second', { deps: ['p'] }));
    await harness.add(line('third', { cmd_deps: [{ cmd: 'second' }], dep_grps: ['q'] }));
    for (const text of [
      line('new', { dep_grps: ['open'], deps: ['q'] }),
      line('new', { dep_grps: ['open'], cmd_deps: [{ cmd: 'second' }] }),
    ]) {
      const said = refusal(await tryOut(harness, [text]));
      assert.match(said, /"new" waits for "/);
      assert.equal(said, await refusalOfAdd(harness, text));
    }
    const fine = await tryOut(harness, [line('new', { dep_grps: ['open'], deps: ['free'] })]);
    assert.equal(refusal(fine), '');
    harness.check();
  });

  it('are judged as a true add judges them, whatever the input', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const some = (of: readonly string[]): string[] => of.filter(() => random() < 0.25);
    const groups = ['g0', 'g1', 'g2', 'g3'];
    const commands = ['a', 'b', 'c', 'd', 'e', 'f'];
    let refused = 0;
    for (let round = 0; round < 60; round += 1) {
      const harness = await ManagerHarness.start();
      for (let add = 0; add < 3; add += 1) {
        const text = some(commands)
          .map((cmd) =>
            line(cmd, {
              dep_grps: some(groups),
              deps: some(groups).slice(0, 1),
              cmd_deps: some(commands)
                .slice(0, 1)
                .map((parent) => ({ cmd: parent })),
            }),
          )
          .join('');
        if (text === '') continue;
        const tried = await tryOut(harness, [text]);
        const said = refusal(tried).split(' ')[0];
        const truly = (await refusalOfAdd(harness, text)).split(' ')[0];
        assert.equal(said, truly, `seed ${seed}, round ${round}: ${text}`);
        if (truly !== '') refused += 1;
      }
    }
    assert.ok(refused > 5, `seed ${seed}: ${refused} were refused`);
  });
});

describe('duplicates of complete commands', () => {
  it('are told apart by the report group under which they completed', async () => {
    const harness = await ManagerHarness.start();
    for (const [text, repGroup] of [
      ['a\nb\nc\n', 'large'],
      ['d\n', 'z small'],
      ['e\n', 'a small'],
      ['f\n', 'mine'],
    ] as const) {
      await harness.add(text, { repGroup });
      await runJobs(harness, 10, 'complete');
      await harness.clock.advance(1_000);
    }
    const lines = 'f\na\nb\nd\nc\ne\nf\nnew\na\t{"rep_grp":"large"}\n';
    const again = await harness.add(lines, { repGroup: 'mine' });
    assert.deepEqual([again.added, again.queued, again.complete, again.completeHere], [1, 0, 8, 3]);
    const elsewhere = again.completeElsewhere?.map(({ repGroup, count }) => [repGroup, count]);
    assert.deepEqual(elsewhere, [
      ['large', 3],
      ['a small', 1],
      ['z small', 1],
    ]);
    assert.equal(again.completeElsewhere?.[0]?.lastEndMs, 1_000_000_000_005);
  });
});
