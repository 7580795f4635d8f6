import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeLearned } from '../../../bench/demo/learned.ts';
import { progressText, rateOf } from '../../../bench/demo/progress.ts';

describe('progress of the demo', () => {
  it('takes its rate from the samples of the window', () => {
    assert.equal(rateOf([]), 0);
    assert.equal(rateOf([{ atMs: 1_000, ended: 10 }]), 0);
    assert.equal(
      rateOf([
        { atMs: 1_000, ended: 10 },
        { atMs: 3_000, ended: 50 },
      ]),
      20,
    );
  });

  it('says how far it is and how long it will take', () => {
    assert.equal(
      progressText(2_000, 500, 2, 1, 100),
      ' 25 %  500 of 2,000, 2 handed out, 1 buried, 100/s, 15 s left',
    );
    assert.match(progressText(10, 0, 0, 0, 0), /estimating$/);
  });
});

describe('what the demo says was learned', () => {
  it('is told by requirement group, from complete commands only', () => {
    const job = {
      ReqGroup: 'gzip',
      State: 'complete',
      PeakRAM: 10,
      Walltime: 0.5,
      CPUtime: 0.25,
      Cmd: 'gzip a',
    };
    const text = describeLearned(
      [job, { ...job, PeakRAM: 30, Walltime: 2, Cmd: 'gzip b' }, { ...job, State: 'buried' }],
      200,
    );
    assert.match(text, /^gzip: 2 commands/);
    assert.match(text, /all at most 30 MB \(200 MB were asked for\)/);
    assert.match(text, /longest 2\.00 s; 0\.5 s of CPU in all/);
    assert.match(text, /longest: gzip b$/);
  });
});
