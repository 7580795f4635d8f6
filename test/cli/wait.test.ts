import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Context } from '../../cli/command.ts';
import { main } from '../../cli/main.ts';
import { NO_COUNTS } from '../../cli/output/counts.ts';
import type { StateCounts } from '../../core/client-replies.ts';
import { WrError } from '../../core/errors.ts';
import type { Reply } from '../../core/protocol.ts';
import { type Answer, FakeLink, fakeContext, never, type Question } from './fake-link.ts';

type Update = Partial<StateCounts> & {
  readonly mode?: 'started' | 'paused';
  readonly idle?: boolean;
  readonly removed?: number;
  readonly missing?: number;
};

function watchedReply(id: number, update: Update): Reply {
  const { idle = false, removed = 0, missing = 0, mode = 'started', ...counts } = update;
  return {
    type: 'watched',
    id,
    counts: { ...NO_COUNTS, ...counts },
    removed,
    missing,
    idle,
    mode,
  };
}

/** A manager that pushes these updates and then nothing more. */
const pushes =
  (...updates: Update[]): Answer =>
  (request, _link, { onPart }) => {
    assert.equal(request.type, 'watch');
    for (const update of updates) onPart?.(watchedReply(request.id, update));
    return never();
  };

async function wr(argv: readonly string[], answers: readonly Answer[], more: Partial<Context> = {}) {
  const asked: Question[] = [];
  let connections = 0;
  const connect = () => {
    const answer = answers[Math.min(connections, answers.length - 1)] as Answer;
    connections += 1;
    return new FakeLink((request, link, options) => {
      asked.push(request);
      return answer(request, link, options);
    });
  };
  const context = fakeContext(connect, more);
  const code = await main('wr', argv, context);
  return { code, asked, stdout: context.stdout(), stderr: context.stderr(), connections: () => connections };
}

describe('wait', () => {
  it('tells by its exit code how it went', async () => {
    for (const [code, text, ...updates] of [
      [0, /INFO.*of 3 commands: 3 completed\n/, { ready: 2, complete: 1 }, { complete: 3 }],
      [
        2,
        /WARN.*2 completed, 1 buried \(wr status -b/,
        { running: 1, complete: 2 },
        { complete: 2, buried: 1 },
      ],
      [2, /2 completed, 1 removed/, { complete: 2, removed: 1 }],
      [2, /2 completed, 1 removed/, { complete: 2, missing: 1 }],
      [3, /1 suspended \(wr resume/, { complete: 2, suspended: 1 }],
      [3, /2 held back by a limit of 0 \(wr limit/, { ready: 2, idle: true }],
    ] as const satisfies readonly (readonly [number, RegExp, ...Update[]])[]) {
      const waited = await wr(['wait', '-i', 'g'], [pushes(...updates)]);
      assert.equal(waited.code, code);
      assert.match(waited.stderr, text);
      assert.equal(waited.stdout, '');
    }
  });

  it('believes that dependants wait in vain only when that has lasted', async () => {
    const { code, stderr } = await wr(['wait', '-i', 'g'], [pushes({ dependent: 2, buried: 1, idle: true })]);
    assert.equal(code, 2);
    assert.match(stderr, /1 buried .*, 2 waiting for others \(wr explain/);
    const answer: Answer = (request, _link, { onPart }) => {
      onPart?.(watchedReply(request.id, { dependent: 1, idle: true }));
      setTimeout(() => onPart?.(watchedReply(request.id, { complete: 1 })), 50);
      return never();
    };
    assert.equal((await wr(['wait', '-i', 'g'], [answer])).code, 0);
  });

  it('says once that the manager is paused, and waits for the end of that', async () => {
    const paused = { ready: 2, mode: 'paused' } as const;
    const updates = [paused, { ...paused, ready: 1, complete: 1 }, { complete: 2 }];
    const { code, stderr } = await wr(['wait', '-i', 'g'], [pushes(...updates)]);
    assert.equal(code, 0);
    assert.equal(
      stderr.match(/WARN.*the manager is paused: nothing is started before wr manager resume/g)?.length,
      1,
    );
  });

  it('gives up after --timeout with 124', async () => {
    const { code, stderr } = await wr(['wait', '--timeout', '50ms'], [pushes({ ready: 2, complete: 9 })]);
    assert.equal(code, 124);
    assert.match(stderr, /the time is over after 0s, of 2 commands: 0 completed, 2 not over/);
  });

  it('outlasts a manager that goes away, saying so once', async () => {
    const lost: Answer = async (request, _link, { onPart }) => {
      onPart?.(watchedReply(request.id, { ready: 1 }));
      throw new WrError('DISCONNECTED', 'gone');
    };
    const stopping: Answer = () => {
      throw new WrError('STOPPING', 'the manager is stopping');
    };
    const waited = await wr(['wait', '-i', 'g'], [lost, stopping, pushes({ complete: 1 })]);
    assert.equal(waited.code, 0);
    assert.equal(waited.connections(), 3);
    assert.match(
      waited.stderr,
      /WARN.*the manager is away \(gone\); waiting for it[\s\S]*INFO.*answers again/,
    );
  });

  it('does not wait for a manager that was never there', async () => {
    const connect = () => Promise.reject(new WrError('NO_MANAGER', 'nobody'));
    const { code, stderr } = await wr(['wait'], [never], { connect });
    assert.equal(code, 1);
    assert.match(stderr, /nobody/);
  });

  it('finds groups without commands an error, and an empty queue none', async () => {
    const unknown = await wr(['wait', '-i', 'nobody knows'], [pushes({})]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /No matching jobs found/);
    const empty = await wr(['wait'], [pushes({ complete: 1_000 })]);
    assert.equal(empty.code, 0);
    assert.match(empty.stderr, /Nothing is queued or running/);
  });

  it('refuses what makes no sense', async () => {
    for (const [argv, text] of [
      [['--timeout', '0'], /--timeout value \(0\) must be more than nothing/],
      [['--timeout', 'abc'], /--timeout value \(abc\) .* a number of seconds, or numbers with units/],
      [['-i', 'g', '-a'], /mutually exclusive/],
      [['-z'], /-z and -y need -i/],
      [['-yi', 'nonsense'], /"nonsense" is no internal id/],
    ] as const) {
      const { code, stderr } = await wr(['wait', ...argv], [() => never()]);
      assert.equal(code, 1, argv.join(' '));
      assert.match(stderr, text);
    }
  });

  it('draws on a terminal only, and not with --quiet', async () => {
    const updates = pushes({ ready: 1 }, { complete: 1 });
    const drawn = (await wr(['wait', '-i', 'g'], [updates], { terminal: true })).stderr;
    assert.match(drawn, /^\[-+\] {3}0\.0% {2}0 of 1[\s\S]*\[#+\] 100\.0%/);
    assert.doesNotMatch((await wr(['wait', '-i', 'g', '-q'], [updates], { terminal: true })).stderr, /%/);
    assert.doesNotMatch((await wr(['wait', '-i', 'g'], [updates])).stderr, /%/);
  });
});

describe('status --watch', () => {
  it('follows to the end, in place on a terminal, else in lines', async () => {
    const updates = pushes({ ready: 1 }, { complete: 1 });
    const lines = await wr(['status', '-w', '-i', 'g'], [updates]);
    assert.equal(lines.code, 0);
    assert.match(lines.stdout, /^done=0\/1 .*\ndone=1\/1 .*\n$/);
    const { asked, stdout } = await wr(['status', '--watch'], [updates], { outTerminal: true });
    assert.match(stdout, /0\.0%/);
    assert.ok(stdout.includes('\u001B[2A\r\u001B[J[##############################] 100.0%'));
    assert.deepEqual(asked, [{ type: 'watch', id: 1, select: { by: 'all' }, everyMs: 500 }]);
  });

  it('refuses what does not go with it', async () => {
    for (const [argv, text] of [
      [['-w', '-b'], /not with --buried/],
      [['-w', '--limit', '3'], /not with --limit/],
      [['-w', '--host', 'h'], /not with --host/],
      [['-w', '-o', 'json'], /not with --output json/],
      [['-w', '--interval', '1ms'], /--interval must be 100ms or more, not "1ms"/],
      [['-w', '--interval', 'x'], /--interval/],
      [['--interval', '1s'], /--interval goes with --watch/],
    ] as const) {
      const { code, stderr } = await wr(['status', ...argv], [() => never()]);
      assert.equal(code, 1, argv.join(' '));
      assert.match(stderr, text);
    }
  });
});
