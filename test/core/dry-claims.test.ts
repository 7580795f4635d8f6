import assert from 'node:assert/strict';
import { it } from 'node:test';
import { claimKeys } from '../../core/claims.ts';
import { DryClaims, VERDICT } from '../../core/dry-claims.ts';
import { jobKey } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { addCommands, ended, makeTokens, moment, RUNNER } from './queue-builders.ts';

const keysOf = (commands: readonly string[]): Uint8Array =>
  Buffer.concat(commands.map((command) => jobKey(command, DEFAULT_JOB_OPTIONS)));

it('a tried add finds the same new commands and duplicates as the add itself', () => {
  const seed = chooseSeed();
  const random = seeded(seed);
  for (let round = 0; round < 200; round += 1) {
    const queue = new JobQueue();
    const word = (): string => `cmd ${pick(random, 30)}`;
    addCommands(queue, Array.from({ length: pick(random, 15) }, word));
    const [group] = queue.groups.active;
    const attempts =
      group === undefined ? [] : queue.reserve(group, pick(random, 8), RUNNER, moment(0), makeTokens());
    for (const { token } of attempts)
      queue.end(ended(token, pick(random, 2) === 0 ? 'complete' : 'bury'), moment(1), 0);
    const input = Array.from({ length: 20 }, word);
    const archived = Uint32Array.from(input, (command) => (command.endsWith('7') ? 1 : 0));
    // What is archived is not in the table as well.
    const inHistory = archived.map((number, i) => {
      const words = new Uint32Array(new Uint8Array(keysOf([input[i] ?? ''])).buffer);
      return queue.keys.find(...([...words] as [number, number, number, number])) === 0 ? number : 0;
    });
    const rerun = pick(random, 2) === 0;
    const dry = new DryClaims(queue, rerun);
    const half = dry.judge(keysOf(input.slice(0, 10)), inHistory.slice(0, 10));
    const rest = dry.judge(keysOf(input.slice(10)), inHistory.slice(10));
    const verdicts = [...half.verdicts, ...rest.verdicts];
    const count = (...of: number[]): number => verdicts.filter((verdict) => of.includes(verdict)).length;
    const claim = claimKeys(queue, keysOf(input), inHistory, rerun, () => true);
    const tried = [count(VERDICT.new), count(VERDICT.queued, VERDICT.repeated), count(VERDICT.complete)];
    assert.deepEqual(tried, [claim.count, claim.queued, claim.complete], `seed ${seed}`);
    const completeAt = [
      ...(half.completeAt ?? new Uint32Array(10)),
      ...(rest.completeAt ?? new Uint32Array(10)),
    ];
    assert.deepEqual(completeAt, [...(claim.completeAt ?? new Uint32Array(20))], `seed ${seed}`);
  }
});
