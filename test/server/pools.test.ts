import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { WrError } from '../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { PlanTable } from '../../core/plan-table.ts';
import { inlineRunners, Pool, PoolRunners } from '../../server/pools.ts';
import type { PlanTask } from '../../workers/plan.ts';
import type { Order } from './pool-task.ts';

const TASK = new URL('./pool-task.js', import.meta.url).href;

describe('a pool', () => {
  let pool = makePool();
  afterEach(async () => {
    await pool.close();
    pool = makePool();
  });
  after(() => pool.close());
  const obey = (order: Order): Promise<unknown> => pool.run(TASK, order);

  it('answers from another thread', async () => {
    assert.notEqual(await obey({ do: 'thread' }), 0);
    assert.deepEqual(await obey({ do: 'answer', with: { a: [1, 2] } }), { a: [1, 2] });
    assert.equal(await obey({ do: 'answer', with: undefined }), undefined);
  });

  it('keeps the code, message and cause of what a task refuses', async () => {
    await assert.rejects(obey({ do: 'refuse' }), (error) => {
      assert.ok(error instanceof WrError);
      assert.equal(error.code, 'BAD_LINE');
      assert.equal(error.message, 'line 7 is bad');
      assert.ok(error.cause instanceof RangeError && error.cause.message === 'too large');
      return true;
    });
  });

  it('reports a task that throws, and goes on', async () => {
    await assert.rejects(obey({ do: 'throw' }), (error) => {
      assert.ok(error instanceof WrError && error.code === 'WORKER_FAILED');
      assert.match(error.message, /a defect/);
      assert.ok(error.cause instanceof TypeError);
      return true;
    });
    assert.equal(await obey({ do: 'answer', with: 1 }), 1);
  });

  it('replaces a thread that dies, failing only the task it was at', async () => {
    const orders: Order[] = [
      { do: 'answer', with: 1 },
      { do: 'exit' },
      { do: 'answer', with: 2 },
      { do: 'exit' },
      { do: 'answer', with: 3 },
    ];
    const outcomes = await Promise.allSettled(orders.map(obey));
    assert.deepEqual(
      outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code)),
      [1, 'WORKER_FAILED', 2, 'WORKER_FAILED', 3],
    );
    for (let count = 0; count < 20; count += 1)
      assert.equal(await obey({ do: 'answer', with: count }), count);
  });

  it('survives a thread that runs out of memory', async () => {
    await assert.rejects(obey({ do: 'exhaust' }), { code: 'WORKER_FAILED' });
    assert.equal(await obey({ do: 'answer', with: 1 }), 1);
  });

  it('survives a thread that dies between tasks', async () => {
    const threads = noteThreads();
    assert.equal(await obey({ do: 'crashLater' }), 'soon');
    // When it dies is for the system to say.
    for (let count = 0; threads.ended().length === 0; count += 1) {
      const outcome = await obey({ do: 'answer', with: count }).catch((error: WrError) => error.code);
      assert.ok(outcome === count || outcome === 'WORKER_FAILED');
    }
    threads.stop();
    assert.equal(await obey({ do: 'answer', with: 'well' }), 'well');
  });

  it('runs tasks side by side', async () => {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const waiting = obey({ do: 'wait', on: gate });
    assert.equal(await obey({ do: 'answer', with: 'past it' }), 'past it');
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.equal(await waiting, 'woken');
  });

  it('fails what is under way when it is closed, and everything afterwards', async () => {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const waiting = assert.rejects(obey({ do: 'wait', on: gate }), { code: 'STOPPING' });
    await obey({ do: 'answer', with: 1 });
    await pool.close();
    await waiting;
    await assert.rejects(obey({ do: 'answer', with: 1 }), { code: 'STOPPING' });
  });

  it('says so when a task file cannot be loaded', async () => {
    await assert.rejects(pool.run(`${TASK}.missing`, {}), { code: 'WORKER_FAILED' });
  });
});

describe('the tasks of the manager', () => {
  it('takes a frame the same moved or copied, and moves only what nobody else needs', async () => {
    const runners = new PoolRunners();
    const defaults = DEFAULT_JOB_OPTIONS;
    try {
      const lines = Array.from({ length: 2_000 }, (_, i) => `true ${i}\n`).join('');
      const frame = (): Buffer => Buffer.from(`head${lines}tail`).subarray(4, -4);
      const expected = await inlineRunners().ingest({ bytes: Buffer.from(lines), defaults });
      for (const isMovable of [false, true]) {
        const bytes = frame();
        assert.deepEqual(await runners.ingest({ bytes, isMovable, defaults }), expected);
        assert.equal(bytes.byteLength, isMovable ? 0 : lines.length);
      }
      // Node's small buffers share one.
      const small = Buffer.from('true\n');
      assert.equal((await runners.ingest({ bytes: small, isMovable: true, defaults })).count, 1);
      assert.equal(small.toString(), 'true\n');
    } finally {
      await runners.close();
    }
  });

  it('plans alike in a worker and in the same thread, from a table that they share', async () => {
    const runners = new PoolRunners();
    try {
      const inline = await inlineRunners().plan(makePlanTask());
      const task = makePlanTask();
      assert.deepEqual(await runners.plan(task), inline);
      assert.deepEqual([[...inline.ids], [...inline.slots]], [[0], [2]]);
      assert.equal(task.table.ready[0], 5);
    } finally {
      await runners.close();
    }
  });

  it('leaves no thread behind when it is closed at once, be one about to begin', async () => {
    const threads = noteThreads();
    const runners = new PoolRunners();
    const planned = assert.rejects(runners.plan(makePlanTask()), { code: 'STOPPING' });
    await runners.close();
    await planned;
    threads.stop();
    assert.ok(threads.all.length > 0);
    assert.deepEqual(threads.ended(), threads.all);
  });
});

/** The threads that are begun from here on. */
function noteThreads() {
  const all: Worker[] = [];
  const note = (thread: Worker): unknown => all.push(thread);
  process.on('worker', note);
  return {
    all,
    // Their id is −1 then.
    ended: () => all.filter(({ threadId }) => threadId === -1),
    stop: () => void process.off('worker', note),
  };
}

function makePool(): Pool {
  return new Pool({ files: [TASK], threadsMin: 2, threadsMax: 2, heapMbMax: 32 });
}

function makePlanTask(): PlanTask {
  const table = new PlanTable();
  table.addGroup({ id: 0, memoryMb: 100, cpus: 1 });
  table.noteGroup(0, 5, 0, 0);
  return { how: 'pack', table: table.view, nowMs: 0, capacity: { cpus: 2, memoryMb: 1_000 } };
}
