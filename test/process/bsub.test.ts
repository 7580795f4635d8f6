import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Place, WR } from './harness.ts';

/** As programs made for LSF do it: a script on STDIN, its number out of the answer, then asking until none is left. */
const SCRIPT = `set -e
echo "$LSF_BINDIR" > directory
submit() { bsub | sed -n 's/.*Job <\\([0-9]*\\)> is submitted to default queue <wr>.*/\\1/p'; }
for i in 1 2 3; do
  id=$(submit <<EOF
#!/bin/bash
#BSUB -J child-$i
#BSUB -q long
#BSUB -n 0
#BSUB -M 50
echo "child $i" >> out
printf '%s\\n' '#''BSUB -J grandchild' '#''BSUB -n 0' 'echo "grandchild $i" >> out' | bsub > nested-$i
EOF
)
  echo "$id" >> ids
done
bjobs -w > listed
for i in $(seq 600); do
  bjobs -noheader -o 'JOBID STAT delimiter=","' > left
  grep -q "^$(head -1 ids)," left && sleep 0.1 && continue
  grep -q '^[0-9]*,\\(PEND\\|RUN\\)' left || break
  [ "$(wc -l < left)" = 1 ] && break # Only we ourselves.
  sleep 0.1
done
echo parent >> out
`;

describe('commands that use bsub, bjobs and bkill', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('drive a whole run: jobs submit jobs, all of them complete, and nothing is left behind', async () => {
    const script = place.write('pipeline.sh', SCRIPT);
    await place.add([`bash ${script}`], ['--bsub', '-i', 'parent', '--cpus', '0', '-m', '50M']);
    const [parent] = await place.settled('parent', 1);
    assert.equal(parent?.State, 'complete', parent?.StdErr);
    await place.settled('grandchild', 3);
    for (const i of [1, 2, 3]) {
      const job = await place.job(['-i', `child-${i}`]);
      assert.equal(job.State, 'complete', job.StdErr);
      assert.deepEqual(
        [job.ExpectedRAM, job.Cores, job.Retries, job.CwdMatters, job.ReqGroup],
        [50, 0, 0, true, 'echo'],
      );
      assert.match(
        readFileSync(join(place.work, `nested-${i}`), 'utf8'),
        /Job <\d+> is submitted to default queue <wr>\./,
      );
    }
    const children = [1, 2, 3].flatMap((i) => [`child ${i}`, `grandchild ${i}`]);
    assert.deepEqual(place.lines('out').sort(), [...children, 'parent'].sort());
    // The parent itself is job 1.
    assert.equal(place.lines('ids').length, 3);
    assert.ok(place.lines('ids').every((id, i, all) => Number(id) > Number(all[i - 1] ?? 1)));
    const listed = place.lines('listed');
    assert.match(listed[0] ?? '', /^JOBID +USER +STAT +QUEUE +FROM_HOST +EXEC_HOST +JOB_NAME +SUBMIT_TIME$/);
    assert.match(listed[1] ?? '', /^1 +\S+ +RUN +wr +\S+ +\S+ +parent +\w{3} \d\d \d\d:\d\d$/);
    assert.equal((await place.ok(['lsf', 'bjobs'])).stdout, 'No unfinished job found\n');
    const [directory = '/'] = place.lines('directory');
    assert.match(directory, /\.wr_lsf_emulation/);
    assert.ok(!existsSync(directory), `${directory} is still there`);
  });

  it('are job arrays, at most so many at once, each command with its index', async () => {
    const lines = [
      '#!/bin/bash',
      '#BSUB -J "lsf-array[1-9:2]%1"',
      '#BSUB -n 0',
      '#BSUB -M 50',
      'echo "$LSB_JOBINDEX" >> elements',
      '[ "$LSB_JOBINDEX" != 5 ]',
      '',
    ];
    const { stdout } = await place.ok(['lsf', 'bsub'], { stdin: lines.join('\n') });
    const id = /Job <(\d+)> is submitted to default queue <wr>\./.exec(stdout)?.[1] ?? '';
    await place.settled('lsf-array', 5);
    assert.deepEqual(place.lines('elements').sort(), ['1', '3', '5', '7', '9']);
    assert.equal((await place.ok(['limit', '-g', 'lsf-array'])).stdout, '1\n');
    const left = await place.ok(['lsf', 'bjobs', '-noheader', '-o', 'JOBID JOB_NAME JOBINDEX STAT', id]);
    assert.equal(left.stdout, `${id} lsf-array[5] 5 EXIT\n`);
    const killed = await place.ok(['lsf', 'bkill', `${id}[5]`, `${id}[6]`]);
    assert.equal(
      killed.stdout,
      `Job <${id}[5]> is being terminated\nJob <${id}[6]>: Job has already finished\n`,
    );
    assert.equal((await place.ok(['lsf', 'bjobs', id])).stdout, 'No unfinished job found\n');
  });

  it('find a Node for them where their own PATH leads to none', async () => {
    mkdirSync(join(place.work, 'empty'));
    const command = `printf 'true no-node\\n' | bsub > said; bjobs -noheader -o JOB_NAME > known; wr version > version`;
    await place.add([command], ['--bsub', '-i', 'no-node', '--env', `PATH=${join(place.work, 'empty')}`]);
    const [job] = await place.settled('no-node', 1);
    assert.equal(job?.State, 'complete', job?.StdErr);
    assert.match(place.lines('said').join(), /Job <\d+> is submitted/);
    assert.ok(place.lines('known').includes('no-node'));
    assert.match(place.lines('version').join(), /^\d+\.\d+/);
  });

  it('kill and remove what they submitted, and know their numbers after the manager was killed', async () => {
    for (const name of ['bsub', 'bjobs', 'bkill']) symlinkSync(WR, join(place.work, name));
    const tool = (name: string, args: readonly string[] = [], stdin?: string) =>
      place.spawn(process.execPath, [join(place.work, name), ...args], stdin === undefined ? {} : { stdin })
        .finished;
    const submit = async (text: string): Promise<string> => {
      const { stdout, code, stderr } = await tool('bsub', [], text);
      assert.equal(code, 0, stderr);
      return /Job <(\d+)> is submitted/.exec(stdout)?.[1] ?? '';
    };
    const running = await submit('#BSUB -J r\nsleep 300\n');
    // More cores than there are: it never runs.
    const waiting = await submit('#BSUB -J w\n#BSUB -n 5000000\n#BSUB -M 1\ntrue\n');
    const again = await tool('bsub', [], '#BSUB -J r\nsleep 300\n');
    assert.equal(again.code, 255);
    assert.match(again.stdout, /Duplicate command specified\. Job not submitted\.\n$/);
    await place.until('it runs', async () => {
      const { stdout } = await tool('bjobs', ['-noheader', '-o', 'JOBID STAT', running]);
      return stdout === `${running} RUN\n` || undefined;
    });
    const killed = await tool('bkill', [running, '777']);
    assert.equal(killed.code, 0, killed.stderr);
    assert.equal(
      killed.stdout,
      `Job <${running}> is being terminated\nJob <777>: Job has already finished\n`,
    );
    await place.kill();
    await place.start();
    const { stdout } = await tool('bjobs', ['-noheader', '-o', 'JOBID JOB_NAME']);
    assert.equal(stdout, `${waiting} w\n`);
    assert.equal((await tool('bkill', [waiting])).stdout, `Job <${waiting}> is being terminated\n`);
    assert.equal((await tool('bjobs')).stdout, 'No unfinished job found\n');
    assert.deepEqual(await place.jobs(), []);
  });
});
