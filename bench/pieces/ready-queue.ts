/** Asks: what does it cost to queue and take jobs, in a row as an add brings them, and one by one as retries do? */
import { Bench } from 'tinybench';
import { ReadyGroup } from '../../core/ready-queue.ts';

const BATCH = 1_000;
const always = (): boolean => true;

export function readyQueueBench(timeMs: number): Bench {
  const inRow = new ReadyGroup();
  const priorities = new ReadyGroup();
  const returned = new ReadyGroup();
  let next = 1;
  const take = (group: ReadyGroup): void => {
    for (let i = 0; i < BATCH; i += 1) group.pop(always);
  };
  return new Bench({ name: `ready queue, ${BATCH} jobs at a time`, time: timeMs, warmupTime: timeMs })
    .add('one range in, all out', () => {
      inRow.push(0, next, BATCH);
      next += BATCH;
      take(inRow);
    })
    .add('ten priorities in turn, all out', () => {
      for (let i = 0; i < BATCH; i += 1) priorities.push(i % 10, next + i, 1);
      next += BATCH;
      take(priorities);
    })
    .add('given back one by one, all out', () => {
      for (let i = 0; i < BATCH; i += 1) returned.giveBack(0, next + ((i * 7919) % BATCH));
      next += BATCH;
      take(returned);
    });
}
