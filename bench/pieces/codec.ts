/** Asks: what do the frames of a runner's cycle cost to pack and to read? */
import { Bench } from 'tinybench';
import { decodeFrame, encodeFrame } from '../../core/codec.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Reply, Request } from '../../core/protocol.ts';
import { CycleFrame, readAnswer } from '../fleet/frames.ts';

const cycle = new CycleFrame('1024:60:1:0', 1000).patch(42, 7, 1_700_000_000_000, 1_700_000_000_001);
const answer = encodeFrame([
  { type: 'reported', id: 7, superseded: [] },
  {
    type: 'jobs',
    id: 8,
    group: '1024:60:1:0',
    leave: false,
    templates: [{ template: 1, options: DEFAULT_JOB_OPTIONS }],
    jobs: [
      {
        attempt: 43,
        key: '0123456789abcdef0123456789abcdef',
        cmd: Buffer.from('echo command number 1'),
        template: 1,
        delta: null,
        attemptsLeft: 3,
        memoryMb: 1024,
        timeMs: 3_600_000,
      },
    ],
  },
]);
const answerBuffer = Buffer.from(answer);
const decodedAnswer = decodeFrame<Reply>(answer);

export function codecBench(timeMs: number): Bench {
  return new Bench({ name: 'codec', time: timeMs, warmupTime: timeMs })
    .add('decode report + reserve', () => {
      decodeFrame<Request>(cycle);
    })
    .add('encode reported + jobs', () => {
      encodeFrame(decodedAnswer);
    })
    .add('decode reported + jobs', () => {
      decodeFrame<Reply>(answer);
    })
    .add('find the attempt without decoding', () => {
      readAnswer(answerBuffer);
    });
}
