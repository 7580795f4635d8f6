import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import { type Answer, FakeLink, fakeContext } from './fake-link.ts';
import { makeStatusJob } from './status-job.ts';

const ID = '0123456789abcdef0123456789abcdef';

async function explain(argv: readonly string[], answer: Answer) {
  const link = new FakeLink(answer);
  const context = fakeContext(link);
  const code = await main('wr', ['explain', ...argv], context);
  return { code, link, stdout: context.stdout(), stderr: context.stderr() };
}

const knows: Answer = (request) => {
  assert.equal(request.type, 'explain');
  const reasons = [
    { cause: 'limit', text: 'its limit group is full', todo: 'raise it' },
    { cause: 'paused', text: 'the manager is paused', todo: '' },
  ] as const;
  return {
    type: 'explained',
    id: request.id,
    job: makeStatusJob({ Cmd: 'echo 1', State: 'ready' }),
    reasons,
  };
};

describe('explain', () => {
  it('prints each reason with what to do, for people and for programs', async () => {
    const { code, stdout, link } = await explain([ID, ID.toUpperCase()], knows);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^# echo 1\nId: .*\nState: ready\nWhy: its limit group is full\nWhat to do: raise it\nWhy: the manager is paused\n\n# echo 1\n/,
    );
    assert.deepEqual(
      link.asked.map((request) => request.type === 'explain' && Buffer.from(request.key).toString('hex')),
      [ID, ID],
    );
    const json = JSON.parse((await explain([ID, '-o', 'json'], knows)).stdout) as { Reasons: unknown[] }[];
    assert.deepEqual(json[0]?.Reasons[0], {
      Cause: 'limit',
      Text: 'its limit group is full',
      ToDo: 'raise it',
    });
  });

  it('fails for an id that no command has', async () => {
    const { code, stdout, stderr } = await explain([ID], ({ id }) => ({
      type: 'explained',
      id,
      job: null,
      reasons: [],
    }));
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, new RegExp(`no command has the id ${ID}`));
  });

  it('refuses what names no command, before it asks', async () => {
    for (const [argv, text] of [
      [[], /name a command: by its id, or by its command line with -l/],
      [['nonsense'], /"nonsense" is no internal id: one has 32 hex digits/],
      [[ID.slice(1)], /is no internal id/],
      [[ID, '-l', 'true'], /ids and -l are mutually exclusive/],
      [[ID, '-c', '/tmp'], /-c goes with -l/],
      [[ID, '-o', 'xml'], /--output must be text or json, not "xml"/],
    ] as const) {
      const { code, stderr, link } = await explain(argv, knows);
      assert.deepEqual([code, link.asked.length], [1, 0]);
      assert.match(stderr, text);
    }
  });
});
