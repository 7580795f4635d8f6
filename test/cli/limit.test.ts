import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import type { LimitsReply } from '../../core/client-replies.ts';
import type { LimitRequest } from '../../core/client-requests.ts';
import { FakeLink, fakeContext } from './fake-link.ts';

async function wr(argv: readonly string[], limits: LimitsReply['limits'] = []) {
  const link = new FakeLink(({ id }) => ({ type: 'limits', id, limits }));
  const context = fakeContext(link);
  const code = await main('wr', ['limit', ...argv], context);
  const asked = link.asked[0] as LimitRequest | undefined;
  return { code, stdout: context.stdout(), stderr: context.stderr(), asked };
}

describe('wr limit', () => {
  it('lists every limit in order of names', async () => {
    const { code, stdout, asked } = await wr(
      [],
      [
        { name: 'b', limit: 0 },
        { name: 'a', limit: 12 },
      ],
    );
    assert.deepEqual([code, stdout], [0, 'a: 12\nb: 0\n']);
    assert.deepEqual([asked?.group, asked?.limit], ['', null]);
    assert.deepEqual(await wr([]).then((none) => [none.code, none.stdout]), [0, '']);
  });

  it('shows a limit, and sets one', async () => {
    const shown = await wr(['-g', 'a'], [{ name: 'a', limit: -1 }]);
    assert.deepEqual([shown.code, shown.stdout], [0, '-1\n']);
    assert.deepEqual([shown.asked?.group, shown.asked?.limit], ['a', null]);
    const set = await wr(['--group=a:3'], [{ name: 'a', limit: 3 }]);
    assert.deepEqual([set.code, set.stdout], [0, '3\n']);
    assert.deepEqual([set.asked?.group, set.asked?.limit], ['a', 3]);
    assert.equal((await wr(['-g', 'a:-1'], [{ name: 'a', limit: -1 }])).asked?.limit, -1);
  });

  it('refuses what is no name and no number, before it asks', async () => {
    for (const [argv, message] of [
      [['foo'], /"foo" is not understood; name a limit group with --group/],
      [['-g', 'a:many'], /--group value \(a:many\) .* must be a whole number, 0 for none, -1 for any number/],
      [['-g', ''], /--group value \(\) .* needs a name/],
      [['-g', 'a,b:2'], /--group value \(a,b:2\) .* no comma, no ~/],
      [['-g', ':2'], /needs a name/],
    ] as const) {
      const { code, stderr, asked } = await wr(argv);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.equal(asked, undefined);
    }
  });
});
