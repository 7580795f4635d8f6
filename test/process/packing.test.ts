import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

const CORES = Math.min(2, availableParallelism());
const MEMORY_MB = 1_000;

/** The most of something that was in use at once, by marks `+n` and `-n` in the order in which they were made. */
function peak(marks: readonly string[]): number {
  let used = 0;
  let most = 0;
  for (const mark of marks) {
    used += Number(mark);
    most = Math.max(most, used);
  }
  assert.ok(Math.abs(used) < 1e-9, `every start has its end: ${marks.join(' ')}`);
  return most;
}

describe('sharing out this machine', () => {
  let place: Place;

  before(async () => {
    place = await Place.started(['--max_cores', String(CORES), '--max_ram', String(MEMORY_MB)]);
  });
  after(() => place?.remove());

  /** A command that marks what it uses while it runs. It starts after it was given that, and ends before it gives it back. */
  const using = (file: string, amount: number, index: number): string =>
    `echo +${amount} >> ${place.work}/${file}; sleep 0.15; echo -${amount} >> ${place.work}/${file}; true ${index}`;

  it('never runs commands that together need more cores than --max_cores', async () => {
    const needs = [1, CORES, 0.5, 1, 0.5, CORES, 1, 0.5, 1, 0.5];
    const lines = needs.map((cpus, i) =>
      JSON.stringify({ cmd: using('cores', cpus, i), cpus, memory: '10M' }),
    );
    await place.add(lines, ['-i', 'cores']);
    const jobs = await place.settled('cores', lines.length);
    assert.ok(jobs.every(({ State }) => State === 'complete'));
    assert.ok(peak(place.lines('cores')) <= CORES);
  });

  it('never runs commands that together need more memory than --max_ram', async () => {
    const needs = [600, 300, 600, 100, 300, 1_000, 600, 300];
    const lines = needs.map((mb, i) =>
      JSON.stringify({ cmd: using('memory', mb, i), cpus: 0.1, memory: `${mb}M` }),
    );
    await place.add(lines, ['-i', 'memory', '-o', 'always']);
    const jobs = await place.settled('memory', lines.length);
    assert.ok(jobs.every(({ State }) => State === 'complete'));
    assert.ok(peak(place.lines('memory')) <= MEMORY_MB);
  });

  it('runs at once what fits together', async () => {
    // Each waits for all the others: run one after the other, none of them would ever end.
    const wait = (index: number): string =>
      `cd ${place.work}; echo ${index} >> together; until test $(wc -l < together) -ge 4; do sleep 0.05; done; true ${index}`;
    await place.add([1, 2, 3, 4].map(wait), [
      '-i',
      'together',
      '--cpus',
      String(CORES / 4),
      '-m',
      '100M',
      '-o',
      'always',
    ]);
    const jobs = await place.settled('together', 4);
    assert.ok(jobs.every(({ State }) => State === 'complete'));
  });

  it('buries what can never fit, with the reason, and runs the rest of the add', async () => {
    await place.add(
      ['true fits', '{"cmd":"true memory","memory":"2G"}', '{"cmd":"true cores","cpus":1000}'],
      ['-i', 'impossible', '-m', '100M', '-o', 'always'],
    );
    const found = (await place.settled('impossible', 3))
      .map(({ Cmd, State, FailReason, Attempts }) => [Cmd, State, FailReason, Attempts])
      .sort();
    assert.deepEqual(found, [
      ['true cores', 'buried', 'resource requirements cannot be met', 0],
      ['true fits', 'complete', '', 1],
      ['true memory', 'buried', 'resource requirements cannot be met', 0],
    ]);
  });

  it('starts the commands of higher priority first', async () => {
    // One at a time: the first holds the machine until all the others are in the queue.
    const hold = `until test -e ${place.work}/release; do sleep 0.05; done`;
    await place.add([hold], ['-i', 'order', '--cpus', String(CORES), '-m', '10M']);
    await place.until(
      'it runs',
      async () => (await place.job(['-i', 'order'])).State === 'running' || undefined,
    );
    const note = (name: string, priority: number): string =>
      JSON.stringify({ cmd: `echo ${name} >> ${place.work}/order.out`, priority });
    await place.add(
      [note('low', 1), note('middle-first', 5), note('middle-second', 5), note('high', 200)],
      ['-i', 'order', '--cpus', String(CORES), '-m', '10M'],
    );
    place.write('release', '');
    await place.settled('order', 5);
    assert.deepEqual(place.lines('order.out'), ['high', 'middle-first', 'middle-second', 'low']);
  });

  it('runs a short command at once beside one that turned out to be long, though all before them were short', async () => {
    const flags = ['-i', 'beside', '--cpus', String(CORES / 4), '-m', '100M', '-o', 'always'];
    await place.add(
      Array.from({ length: 30 }, (_, i) => `true ${i}`),
      flags,
    );
    await place.settled('beside', 30);
    await place.add(
      [`echo > ${place.work}/long; until test -e ${place.work}/done; do sleep 0.05; done`],
      flags,
    );
    await place.until('the long one runs', () => place.lines('long').length === 1 || undefined);
    for (let i = 0; i < 3; i += 1) {
      await place.add([`true beside ${i}`], flags);
      await place.until(`short one ${i} is complete`, async () => {
        const { State } = await place.job(['-l', `true beside ${i}`]);
        return State === 'complete' || undefined;
      });
    }
    place.write('done', '');
    await place.settled('beside', 34);
  });

  it('runs only commands that need no core with --max_cores 0', async () => {
    await place.stop();
    await place.start(['--max_cores', '0']);
    await place.add(['{"cmd":"true none","cpus":0}', '{"cmd":"true one","cpus":1}'], ['-i', 'none']);
    const found = (await place.settled('none', 2)).map(({ Cmd, State }) => [Cmd, State]).sort();
    assert.deepEqual(found, [
      ['true none', 'complete'],
      ['true one', 'buried'],
    ]);
  });
});
