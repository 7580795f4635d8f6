import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('counted resources of real commands', () => {
  let place: Place;

  before(async () => {
    place = await Place.started(['--max_cores', '2', '--resources', 'gpu:2,licence:1']);
  });
  after(() => place?.remove());

  it('are named to each command, never two at once with the same, and buried for when there are too few', async () => {
    const cmd = (i: number): string =>
      `for g in $(echo $WR_RESOURCE_GPU | tr , ' '); do mkdir ${place.work}/gpu-$g || exit 9; done; ` +
      `echo $WR_RESOURCE_GPU $CUDA_VISIBLE_DEVICES >> ${place.work}/ids; sleep 0.05; ` +
      `for g in $(echo $WR_RESOURCE_GPU | tr , ' '); do rmdir ${place.work}/gpu-$g; done; true ${i}`;
    const lines = Array.from({ length: 24 }, (_, i) =>
      JSON.stringify({ cmd: cmd(i), resources: { gpu: i % 4 === 0 ? 2 : 1 } }),
    );
    const flags = ['-i', 'gpus', '--cpus', '0.1', '-m', '10M', '-o', 'always', '-r', '0'];
    await place.add([...lines, '{"cmd":"true never","resources":"gpu:3"}'], flags);
    const jobs = await place.settled('gpus', 25);
    const buried = jobs.filter(({ State }) => State === 'buried');
    assert.deepEqual(
      buried.map(({ Cmd, FailReason }) => [Cmd, FailReason]),
      [['true never', 'resource requirements cannot be met']],
    );
    const { stdout } = await place.ok(['status', '-i', 'gpus', '--buried']);
    assert.match(stdout, /Resources: gpu:3\n/);
    assert.match(stdout, /gpu:3 was asked for, and there is gpu:2 \(wr manager start --resources\)/);
    const ids = place.lines('ids');
    assert.equal(ids.length, 24);
    assert.deepEqual([...new Set(ids)].sort(), ['0 0', '0,1 0,1', '1 1']);
  });

  it('are shown while they are used, and are not those of the command that adds another', async () => {
    await place.add(
      [
        `echo 'sh -c "echo [$WR_RESOURCE_GPU$CUDA_VISIBLE_DEVICES] > ${place.work}/nested"' | wr add -i nested; until test -e ${place.work}/go; do sleep 0.05; done`,
      ],
      ['-i', 'outer', '--resources', 'gpu:1', '--cwd_matters'],
    );
    const running = await place.until('it runs', async () => {
      const job = await place.job(['-i', 'outer']);
      return job.State === 'running' ? job : undefined;
    });
    assert.deepEqual([running.Resources, running.ResourceIds], [['gpu:1'], ['gpu:0']]);
    await place.until('what it adds has run', () => place.lines('nested').length > 0 || undefined);
    assert.deepEqual(place.lines('nested'), ['[]']);
    place.write('go', '');
    await place.settled('outer', 1);
  });
});
