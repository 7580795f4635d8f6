import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_COUNTS } from '../../cli/output/counts.ts';
import { barLines, logLine } from '../../cli/output/watch-view.ts';
import { ProgressRate } from '../../cli/progress-rate.ts';
import { WatchScreen } from '../../cli/watch-screen.ts';
import { standing, type Watched, watchCounts } from '../../cli/watching.ts';
import type { StateCounts } from '../../core/client-replies.ts';
import { FakeLink, never } from './fake-link.ts';

const watched = (counts: Partial<StateCounts>, more: Partial<Watched> = {}): Watched => ({
  counts: { ...NO_COUNTS, ...counts },
  removed: 0,
  missing: 0,
  idle: false,
  mode: 'started',
  ...more,
});

describe('standing', () => {
  it('is over when nothing will run by itself any more', () => {
    assert.equal(standing(watched({ complete: 3 })), 'complete');
    for (const state of ['ready', 'delayed', 'reserved', 'running', 'lost'] as const)
      assert.equal(standing(watched({ [state]: 1, buried: 1 })), 'moving', state);
    assert.equal(standing(watched({ complete: 3, buried: 1 })), 'failed');
    assert.equal(standing(watched({ complete: 3 }, { removed: 1 })), 'failed');
    assert.equal(standing(watched({ complete: 3 }, { missing: 1 })), 'failed');
    assert.equal(standing(watched({ suspended: 1 })), 'stuck');
  });

  it('waits in vain for what is ready when nothing will run by itself', () => {
    assert.equal(standing(watched({ ready: 2 }, { idle: true })), 'stuck');
    assert.equal(standing(watched({ ready: 2, dependent: 1 }, { idle: true })), 'stuck');
    assert.equal(standing(watched({ ready: 2, buried: 1 }, { idle: true })), 'failed');
    assert.equal(standing(watched({ ready: 2, lost: 1 }, { idle: true })), 'moving');
  });

  it('waits for dependants as long as anything at all moves', () => {
    assert.equal(standing(watched({ dependent: 2 })), 'moving');
    assert.equal(standing(watched({ dependent: 2 }, { idle: true })), 'stuck');
    assert.equal(standing(watched({ dependent: 2, buried: 1 }, { idle: true })), 'failed');
  });
});

describe('watchCounts', () => {
  it('adds up several selections once all of them have answered, and ends when it is told to', async () => {
    const links: { part: (counts: Partial<StateCounts>, removed: number) => void }[] = [];
    const link = new FakeLink((request, _link, { onPart }) => {
      links.push({
        part: (counts, removed) =>
          onPart?.({ type: 'watched', id: request.id, ...watched(counts, { removed, idle: true }) }),
      });
      return never();
    });
    const seen: Watched[] = [];
    const select = { by: 'keys', keys: new Uint8Array(16) } as const;
    const done = watchCounts(link, [select, select], 250, (update) => {
      seen.push(update);
      return update.counts.complete === 5;
    });
    links[0]?.part({ complete: 2 }, 1);
    assert.equal(seen.length, 0);
    links[1]?.part({ complete: 1, ready: 2 }, 0);
    links[1]?.part({ complete: 3 }, 2);
    await done;
    assert.deepEqual(
      seen.map(({ counts, removed }) => [counts.complete, counts.ready, removed]),
      [
        [3, 2, 1],
        [5, 0, 3],
      ],
    );
  });
});

describe('ProgressRate', () => {
  it('knows nothing at first, then the speed of the last minute', () => {
    const rate = new ProgressRate();
    assert.equal(rate.perSecond(0), 0);
    assert.equal(rate.leftMs(0, 5), null);
    rate.add(0, 0);
    rate.add(10_000, 100);
    assert.equal(rate.perSecond(10_000), 10);
    assert.equal(rate.leftMs(10_000, 50), 5_000);
    assert.equal(rate.perSecond(20_000), 5, 'time goes on although nothing ends');
    for (let second = 11; second <= 200; second += 1) rate.add(second * 1000, 100 + (second - 10));
    assert.ok(Math.abs(rate.perSecond(200_000) - 1) < 0.05);
    assert.equal(rate.leftMs(200_000, 0), 0);
  });

  it('keeps few samples however many come', () => {
    const rate = new ProgressRate();
    for (let i = 0; i < 100_000; i += 1) rate.add(i, i);
    assert.ok(Math.abs(rate.perSecond(99_999) - 1000) < 10);
  });
});

const view = {
  counts: { ...NO_COUNTS, complete: 999, running: 2, reserved: 1, ready: 1_000, buried: 1 },
  removed: 0,
  done: 1_000,
  total: 2_003,
  elapsedMs: 61_400,
  perSecond: 16.28,
  leftMs: 61_600,
  note: '',
};

describe('the view of a watch', () => {
  it('shows bar, share, rate and time left, and rare states only when there are some', () => {
    assert.deepEqual(barLines(view), [
      '[##############----------------]  49.9%  1,000 of 2,003  16/s  1m2s left  1m1s so far',
      'complete: 999  running: 3  ready: 1,000  buried: 1',
    ]);
    assert.equal(
      logLine({ ...view, leftMs: null, removed: 4, note: 'the manager is paused' }),
      'done=1000/2003 rate=16.3/s left=unknown elapsed=1m1s complete=999 running=3 ready=1000 buried=1 removed=4 (the manager is paused)',
    );
    const slow = (perSecond: number) => barLines({ ...view, perSecond, leftMs: null })[0];
    assert.match(slow(0.05) ?? '', / 3\/min {2}no telling how long/);
    assert.match(slow(0.001) ?? '', / 3\.6\/h /);
  });

  it('does not say 100 % before the last', () => {
    assert.match(barLines({ ...view, done: 999_999, total: 1_000_000 })[0] ?? '', /-\] {2}99\.9%/);
    assert.match(barLines({ ...view, done: 3, total: 3 })[0] ?? '', /#\] 100\.0%/);
  });
});

describe('WatchScreen', () => {
  const screen = (more: Partial<ConstructorParameters<typeof WatchScreen>[0]>) => {
    const time = { ms: 0 };
    const texts: string[] = [];
    const made = new WatchScreen({
      write: (text) => texts.push(text),
      terminal: true,
      columns: 40,
      sinceNow: false,
      now: () => time.ms,
      lineEveryMs: 10_000,
      ...more,
    });
    return { made, time, texts };
  };

  it('draws over what it drew, within the width of the terminal, and takes it away', () => {
    const { made, texts } = screen({});
    made.update(watched({ complete: 1, ready: 1 }));
    made.update(watched({ complete: 2 }, { mode: 'paused' }));
    made.clear();
    assert.ok(!texts[0]?.startsWith('\u001B'));
    assert.ok(texts[1]?.startsWith('\u001B[2A\r\u001B[J'));
    assert.ok(texts[1]?.includes('the manager is paused\n'));
    assert.equal(texts[2], '\u001B[3A\r\u001B[J');
    for (const text of texts) for (const line of text.split('\n')) assert.ok(line.length < 52, line);
  });

  it('writes lines seldom elsewhere, the last state always, and none twice', () => {
    const { made, time, texts } = screen({ terminal: false });
    made.update(watched({ ready: 3 }));
    time.ms = 5_000;
    made.update(watched({ complete: 1, ready: 2 }));
    time.ms = 10_000;
    made.update(watched({ complete: 2, ready: 1 }));
    time.ms = 11_000;
    made.update(watched({ complete: 3 }));
    made.end();
    made.end();
    assert.deepEqual(
      texts.map((text) => /^done=\d+\/\d+/.exec(text)?.[0]),
      ['done=0/3', 'done=2/3', 'done=3/3'],
    );
  });

  it('leaves what was complete before out when everything is watched', () => {
    const { made, texts } = screen({ terminal: false, sinceNow: true, lineEveryMs: 0 });
    made.update(watched({ complete: 1_000_000, ready: 2 }));
    made.update(watched({ complete: 1_000_001, ready: 1 }));
    assert.match(texts[1] ?? '', /^done=1\/2 .*complete=1 /);
  });
});
