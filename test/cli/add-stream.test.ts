import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AddStreamOptions, type Chunk, streamAdd } from '../../cli/add-stream.ts';
import type { AddedReply } from '../../core/client-replies.ts';
import { WrError } from '../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { ADD_WINDOW_FRAMES, type Reply } from '../../core/protocol.ts';
import { FakeLink, never, type Question } from './fake-link.ts';

const ADDED: AddedReply = {
  type: 'added',
  id: 0,
  added: 3,
  queued: 0,
  complete: 0,
  usedDefaultRepGroup: true,
  warnings: [],
  bsubId: 0,
};

async function* chunksOf(count: number): AsyncGenerator<Chunk> {
  for (let i = 0; i < count; i += 1) yield { bytes: Buffer.from(`line ${i}\n`), more: false };
}

function options(chunks: AsyncIterable<Chunk>, more: Partial<AddStreamOptions> = {}): AddStreamOptions {
  const begin = { requestId: 'r', defaults: DEFAULT_JOB_OPTIONS, rerun: false, head: 0, wantKeys: false };
  return { begin, chunks, timeoutMs: 10_000, ...more };
}

/** Answers as the manager does: nothing to the beginning, `added` to the end. */
function answer(request: Question): Reply | Promise<Reply> {
  return request.type === 'addEnd' ? ADDED : never();
}

describe('streamAdd', () => {
  it('sends the beginning, the frames in order and the end', async () => {
    const link = new FakeLink(answer);
    assert.deepEqual(await streamAdd(link, options(chunksOf(3))), ADDED);
    assert.deepEqual(
      link.asked.map(({ type }) => type),
      ['addBegin', 'addEnd'],
    );
    assert.deepEqual(
      link.told.map((message) => (message.type === 'addFrame' ? message.seq : -1)),
      [0, 1, 2],
    );
    const end = link.asked[1];
    assert.ok(end?.type === 'addEnd' && end.frames === 3);
  });

  it('keeps to the window and goes on with credit', async () => {
    const link = new FakeLink(answer);
    let underWay = 0;
    let most = 0;
    link.onTell = () => {
      underWay += 1;
      most = Math.max(most, underWay);
      if (underWay < ADD_WINDOW_FRAMES) return;
      setImmediate(() => {
        underWay -= 5;
        link.push({ type: 'addCredit', requestId: 'r', frames: 5, commands: 5 });
      });
    };
    await streamAdd(link, options(chunksOf(200)));
    assert.equal(link.told.length, 200);
    assert.equal(most, ADD_WINDOW_FRAMES);
  });

  it('stops at a refusal, in the middle of the input', async () => {
    const link = new FakeLink(answer);
    link.onTell = () => {
      if (link.told.length === ADD_WINDOW_FRAMES) {
        setImmediate(() =>
          link.push({ type: 'addRefused', requestId: 'r', code: 'BAD_LINE', message: 'line 7: no' }),
        );
      }
    };
    await assert.rejects(streamAdd(link, options(chunksOf(1000))), {
      code: 'BAD_LINE',
      message: 'line 7: no',
    });
    assert.equal(link.told.length, ADD_WINDOW_FRAMES);
    assert.ok(!link.asked.some(({ type }) => type === 'addEnd'));
  });

  it('fails with the error that the beginning or the end is answered with', async () => {
    for (const which of ['addBegin', 'addEnd']) {
      const link = new FakeLink((request) => {
        if (request.type === which) throw new WrError('STORE_FULL', 'the disk is full');
        return never();
      });
      await assert.rejects(streamAdd(link, options(chunksOf(5))), { code: 'STORE_FULL' });
    }
  });

  it('gives up when the manager falls silent, and not while it speaks', async () => {
    const link = new FakeLink(() => never());
    let credits = 0;
    const credit = setInterval(() => {
      credits += 1;
      if (credits <= 5) link.push({ type: 'addCredit', requestId: 'r', frames: 0, commands: credits });
    }, 40);
    try {
      await assert.rejects(streamAdd(link, options(chunksOf(1), { timeoutMs: 150 })), { code: 'TIMED_OUT' });
      assert.ok(credits >= 5);
    } finally {
      clearInterval(credit);
    }
  });

  it('passes on what goes wrong with the input', async () => {
    async function* vanishing(): AsyncGenerator<Chunk> {
      yield { bytes: Buffer.from('a\n'), more: false };
      throw new WrError('BAD_INPUT', 'the file has gone');
    }
    const link = new FakeLink(answer);
    await assert.rejects(streamAdd(link, options(vanishing())), { code: 'BAD_INPUT' });
    assert.ok(!link.asked.some(({ type }) => type === 'addEnd'));
  });

  it('stops reading once --head is satisfied', async () => {
    const link = new FakeLink(answer);
    link.onTell = () => link.push({ type: 'addCredit', requestId: 'r', frames: 1, commands: 10 });
    const { begin } = options(chunksOf(0));
    await streamAdd(link, options(chunksOf(1_000_000), { begin: { ...begin, head: 10 } }));
    assert.equal(link.told.length, 1);
  });

  it('hands over keys as they come', async () => {
    const link = new FakeLink((request, _link, { onPart }) => {
      if (request.type !== 'addEnd') return never();
      onPart?.({ type: 'addKeys', id: request.id, keys: new Uint8Array(32) });
      onPart?.({ type: 'addKeys', id: request.id, keys: new Uint8Array(16) });
      return ADDED;
    });
    const sizes: number[] = [];
    await streamAdd(link, options(chunksOf(1), { onKeys: (keys) => sizes.push(keys.byteLength) }));
    assert.deepEqual(sizes, [32, 16]);
  });
});
