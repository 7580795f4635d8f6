import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FirstAnswers } from '../../server/first-answers.ts';

describe('first answers', () => {
  it('gives a request that comes again the first answer, and carries it out once', async () => {
    const answers = new FirstAnswers<number>(10);
    let acts = 0;
    const act = async (): Promise<number> => ++acts;
    assert.deepEqual(await Promise.all([answers.once('a', act), answers.once('a', act)]), [1, 1]);
    assert.equal(await answers.once('b', act), 2);
    assert.equal(await answers.once('a', act), 1);
  });

  it('carries a request that failed out again', async () => {
    const answers = new FirstAnswers<number>(10);
    await assert.rejects(answers.once('a', () => Promise.reject(new Error('full'))));
    assert.throws(() => {
      void answers.once('a', () => {
        throw new Error('refused at once');
      });
    });
    assert.equal(await answers.once('a', async () => 7), 7);
  });

  it('forgets the oldest beyond its bound', async () => {
    const answers = new FirstAnswers<string>(2);
    for (const id of ['a', 'b', 'c']) await answers.once(id, async () => 'first');
    assert.equal(await answers.once('c', async () => 'second'), 'first');
    assert.equal(await answers.once('a', async () => 'second'), 'second');
  });
});
