import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrError } from '../../core/errors.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { Persist } from '../../server/persist.ts';
import { counterWrite } from '../../store/layout.ts';
import { MemoryStore } from '../../store/memory.ts';
import { settle, TestClock } from './manager-harness.ts';

const NOTHING = (): void => undefined;

interface Started {
  readonly store: MemoryStore;
  readonly clock: TestClock;
  readonly persist: Persist;
  readonly told: readonly string[];
}

function start(store = new MemoryStore()): Started {
  const told: string[] = [];
  const clock = new TestClock();
  const persist = new Persist(new JobQueue(), store, clock, {
    failing: ({ code }) => told.push(code),
    recovered: () => told.push('recovered'),
    completed: NOTHING,
    removed: NOTHING,
    emptied: NOTHING,
    overlaid: NOTHING,
    settled: NOTHING,
    riders: () => [],
    ridden: NOTHING,
  });
  return { store, clock, persist, told };
}

describe('a batch that cannot be written', () => {
  it('is tried again every second, and each cause is told once', async () => {
    const store = new MemoryStore();
    const causes = ['STORE_FULL', 'STORE_FULL', 'STORE_FAILED', 'STORE_FAILED'] as const;
    let tries = 0;
    const { commit } = store;
    store.commit = async (writes) => {
      const code = causes[tries];
      tries += 1;
      if (code !== undefined) throw new WrError(code, 'no');
      await commit.call(store, writes);
    };
    const { clock, persist, told } = start(store);
    persist.add(counterWrite('paused', 1));
    await settle();
    await clock.advance(3_500);
    assert.equal(tries, 4);
    assert.equal(persist.failure?.code, 'STORE_FAILED');
    await clock.advance(1_000);
    assert.deepEqual(told, ['STORE_FULL', 'STORE_FAILED', 'recovered']);
  });

  it('is told at once to those who asked for a change, and to those who ask while it is tried again', async () => {
    const { store, clock, persist } = start();
    store.failNext('before', 'STORE_FULL');
    const heard: string[] = [];
    const note = (name: string): void =>
      persist.afterOrFailing((failed) => heard.push(`${name} ${failed?.code}`));
    persist.refuseIfFailing();
    persist.add(counterWrite('paused', 1));
    note('first');
    persist.after(() => heard.push('flushed'));
    const written = assert.rejects(persist.written(), { code: 'NOT_DURABLE' });
    await settle();
    await written;
    note('second');
    assert.throws(() => persist.refuseIfFailing(), { code: 'STORE_FULL' });
    assert.deepEqual(heard, ['first STORE_FULL', 'second STORE_FULL']);
    await clock.advance(1_000);
    assert.deepEqual(heard, ['first STORE_FULL', 'second STORE_FULL', 'flushed']);
    persist.refuseIfFailing();
    note('third');
    await persist.written();
    assert.equal(heard.at(-1), 'third undefined');
  });
});
