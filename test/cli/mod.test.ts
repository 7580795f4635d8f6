import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import type { ModChanges } from '../../core/modification.ts';
import { type Answer, FakeLink, fakeContext, never } from './fake-link.ts';

async function wr(argv: readonly string[], answer: Answer = () => never(), terminal = false) {
  const link = new FakeLink(answer);
  const context = fakeContext(link, { terminal });
  const code = await main('wr', ['mod', ...argv], context);
  return { code, stdout: context.stdout(), stderr: context.stderr(), asked: link.asked };
}

const changed =
  (n: number, eligible: number): Answer =>
  (request, _, { onPart }) => {
    const { id } = request;
    onPart?.({
      type: 'modified',
      id,
      pairs: Buffer.concat([Buffer.alloc(16, 0xaa), Buffer.alloc(16, 0xbb)]),
    });
    onPart?.({ type: 'modProgress', id, done: 1, total: 1 });
    return { type: 'changed', id, changed: n, eligible };
  };

async function changesOf(...argv: string[]): Promise<ModChanges> {
  const { asked, stderr } = await wr(['-a', ...argv], changed(1, 1));
  const [request] = asked;
  if (request?.type !== 'modify') throw new Error(stderr);
  return request.changes;
}

describe('wr mod', () => {
  it('tells how many of how many, and the ids before and after on STDOUT', async () => {
    const { code, stdout, stderr } = await wr(['-i', 'g', '-m', '2G'], changed(1, 3));
    assert.equal(code, 0);
    assert.equal(stdout, ` ${'aa'.repeat(16)} => ${'bb'.repeat(16)}\n`);
    assert.equal(
      stderr,
      'INFO[11-23|07:47:08] Modified 1 incomplete, non-running commands (out of 3 eligible)\n',
    );
  });

  it('passes on what the manager warns of', async () => {
    const warned: Answer = ({ id }) => ({
      type: 'changed',
      id,
      changed: 1,
      eligible: 1,
      warnings: ['too much'],
    });
    assert.match(
      (await wr(['-a', '--cpus', '9'], warned)).stderr,
      /INFO.*Modified 1 .*\nWARN\[.*\] too much\n/,
    );
  });

  it('asks only for what was given', async () => {
    assert.deepEqual((await changesOf('-m', '2G')).options, { memoryMb: 2048, memorySet: true });
    assert.deepEqual((await changesOf('--cpus', '0', '--disk', '0')).options, {
      cpus: 0,
      diskGb: 0,
      diskSet: true,
    });
    assert.deepEqual((await changesOf('-p', '7', '-r', '0', '-t', '2h')).options, {
      priority: 7,
      retries: 0,
      timeMs: 7_200_000,
      timeSet: true,
    });
    assert.deepEqual((await changesOf('--cwd_matters', '-c', '/x')).options, { cwd: '/x', cwdMatters: true });
    assert.deepEqual((await changesOf('--unset_cwd_matters', '--unset_change_home')).options, {
      cwdMatters: false,
      changeHome: false,
    });
    const { asked } = await wr(['-i', 'g', '--cmdline', ''], changed(1, 1));
    assert.equal(asked[0]?.type === 'modify' && asked[0].changes.cmd, null);
    const command = await changesOf('--unset_cloud_shared');
    assert.deepEqual([command.options, command.dropOther], [{}, ['cloud_shared']]);
  });

  it('clears with an empty text, and leaves alone what zero or nothing says', async () => {
    assert.deepEqual((await changesOf('-l', '', '--modules', '', '--env', '', '-g', '')).options, {
      limitGroups: [],
      modules: [],
      env: [],
      reqGroup: null,
    });
    assert.deepEqual((await changesOf('--memory', '0M', '--time', '0', '--cwd', '')).options, {});
    assert.deepEqual((await changesOf('--queue', '', '--queues_avoid', '')).options, {});
    assert.deepEqual((await changesOf('--queue', 'long')).options, { other: { scheduler_queue: 'long' } });
  });

  it('replaces what is done after a command, trigger by trigger; nothing is something', async () => {
    assert.deepEqual((await changesOf('--on_exit', '')).options, { onExit: [{ nothing: true }] });
    assert.deepEqual((await changesOf('--on_failure', '[{"run":"x"},{"cleanup":true}]')).options, {
      onFailure: [{ run: 'x' }, { cleanup: true }],
    });
  });

  it('refuses selectors that contradict each other, and to change nothing', async () => {
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [['-m', '1G'], /one of -i or -a is required/],
      [['-a', '-i', 'g', '-m', '1G'], /-i and -a are mutually exclusive/],
      [['-a', '--cmdline', 'x'], /--cmdline changes one command/],
      [['-a', '-z', '-m', '1G'], /-z and -y need -i/],
      [['-a', '-y', '-m', '1G'], /-z and -y need -i/],
      [['-a'], /name what is to change/],
      [['-y', '-i', 'xyz', '-m', '1G'], /"xyz" is no internal id/],
      [['-a', '--cwd_matters', '--unset_cwd_matters'], /--cwd_matters and --unset_cwd_matters are mutually/],
      [['-a', '-p', '256'], /--priority value \(256\) is not in the range 0\.\.255/],
      [['-a', '-m', '5'], /--memory value \(5\)/],
      [['-a', '--cmd_deps', ''], /cmd_deps/],
      [['-a', '--env', 'NAME'], /use NAME=\$NAME/],
      [['-a', '--with_docker', 'alpine'], /with_docker \(alpine\) cannot be used yet: nothing was changed/],
      [['-a', '--rep_grp', 'x'], /--rep_grp cannot be changed of a command that was added/],
    ];
    for (const [argv, message] of refused) {
      const { code, stderr, asked } = await wr(argv);
      assert.equal(code, 1, argv.join(' '));
      assert.match(stderr, message, argv.join(' '));
      assert.deepEqual(asked, [], argv.join(' '));
    }
  });

  it('fails when no command is selected, not when none could be changed', async () => {
    const none = await wr(['-i', 'g', '-p', '1'], changed(0, 0));
    assert.deepEqual([none.code, /No matching jobs found/.test(none.stderr)], [1, true]);
    assert.equal((await wr(['-i', 'g', '-p', '1'], changed(0, 2))).code, 0);
  });
});
