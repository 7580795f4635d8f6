import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ThreadDeaths } from '../../server/thread-deaths.ts';
import { TestClock } from './manager-harness.ts';

function makeDeaths(): { clock: TestClock; deaths: ThreadDeaths; told: string[]; fatal: string[] } {
  const clock = new TestClock();
  const told: string[] = [];
  const fatal: string[] = [];
  const log = { error: (message: string) => void told.push(message) };
  return { clock, deaths: new ThreadDeaths(clock, log, ({ message }) => fatal.push(message)), told, fatal };
}

describe('worker threads that die', () => {
  it('are told of one by one while others go on', async () => {
    const { clock, deaths, told, fatal } = makeDeaths();
    for (let i = 0; i < 6; i += 1) {
      deaths.died(new Error('torn'), 2);
      await clock.advance(31_000);
    }
    assert.equal(told.length, 6);
    assert.deepEqual(fatal, []);
  });

  it('end the manager when three of them die within a minute', () => {
    const { deaths, fatal } = makeDeaths();
    for (let i = 0; i < 3; i += 1) deaths.died('torn', 2);
    assert.deepEqual(fatal, ['worker threads die again and again: torn']);
  });

  it('end the manager when none is left', () => {
    const { deaths, told, fatal } = makeDeaths();
    deaths.died('torn', 0);
    assert.deepEqual(fatal, ['a worker thread died, and no other is left: torn']);
    assert.deepEqual(told, []);
  });
});
