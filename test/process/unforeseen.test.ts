import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { commandLine, isAlive, linesOf, Place, until, WR } from './harness.ts';

/** Loaded into the manager before anything else: what goes wrong then is nothing that its code knows of. */
const PRELOAD = `
import { existsSync, unlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
const take = (name) => { try { unlinkSync(process.env.TRAPS + name); return true; } catch { return false; } };
const isManager = process.argv[1]?.endsWith('server/main.js');
if (isMainThread && isManager) setInterval(() => {
  if (take('throw')) throw new TypeError('the sky fell');
  if (take('reject')) Promise.reject(new RangeError('the ground gave way'));
}, 20).unref();
const isCli = process.argv[1]?.endsWith('cli/main.js');
if (isCli) setInterval(() => {
  // Not before it has begun.
  if (process.listenerCount('uncaughtException') > 0 && take(process.argv[2])) throw new SyntaxError('the road ended');
}, 5).unref();
if (!isMainThread) setInterval(() => { if (take('thread')) throw new Error('a thread tore'); }, 20).unref();
`;

async function withTraps(run: (place: Place, env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const place = await Place.make();
  try {
    const preload = place.write('preload.mjs', PRELOAD);
    await run(place, { NODE_OPTIONS: `--import=${preload}`, TRAPS: `${place.work}/` });
  } finally {
    await place.remove();
  }
}

const critical = (place: Place): string[] =>
  linesOf(place.file('log')).filter((line) => line.includes('lvl=crit'));

describe('a manager in which something fails that nobody foresaw', () => {
  it('says so, ends with exit code 1, and leaves what runs to the next one', () =>
    withTraps(async (place, env) => {
      const front = place.spawn(process.execPath, [WR, 'manager', 'start', '-f'], { env });
      await place.until('it answers', async () =>
        (await place.wr(['manager', 'status'])).stdout.startsWith('started') ? true : undefined,
      );
      const pid = Number(readFileSync(place.file('pid'), 'utf8'));
      await place.add(
        ['echo begun >> marks; while [ ! -e go ]; do sleep 0.1; done; echo over >> marks'],
        ['--cwd_matters', '-i', 'long'],
      );
      await place.until('the command runs', () => place.lines('marks')[0]);
      place.write('throw', '');
      const { code, stderr } = await front.finished;

      assert.equal(code, 1);
      assert.match(stderr, /CRIT\[.*wr manager had to end: an exception that nothing caught: the sky fell/);
      const [line = '', ...more] = critical(place);
      assert.deepEqual(more, []);
      assert.match(
        line,
        /msg="wr manager had to end: an exception that nothing caught: the sky fell" code=INTERNAL .*stack="at .*preload\.mjs/,
      );
      assert.ok(!isAlive(pid));
      assert.ok(!existsSync(place.file('pid')));
      const status = await place.ok(['manager', 'status']);
      assert.equal(status.stdout, 'stopped\n');
      assert.match(status.stderr, /had to end: an exception that nothing caught: the sky fell; see \S+log/);

      await place.start();
      place.write('go', '');
      const [job] = await place.settled('long', 1);
      assert.equal(job?.State, 'complete');
      assert.deepEqual(place.lines('marks'), ['begun', 'over']);
      assert.equal((await place.ok(['manager', 'status'])).stdout.includes('had to end'), false);
    }));

  it('ends likewise for a failure that nobody waited for', () =>
    withTraps(async (place, env) => {
      await place.start(['-s', 'none'], { env });
      await place.add(['echo kept']);
      place.write('reject', '');
      await until('it is gone', () => !isAlive(place.pid) || undefined);
      assert.match(
        critical(place).join('\n'),
        /had to end: a failure that nobody waited for: the ground gave way/,
      );
      assert.ok(!existsSync(place.file('pid')));
      await place.start(['-s', 'none']);
      assert.equal((await place.counts()).ready, 1);
    }));

  it('goes on when a worker thread dies, and ends when they die again and again', () =>
    withTraps(async (place, env) => {
      await place.start(['-s', 'none'], { env });
      await place.add(['echo one']);
      const tear = async (): Promise<void> => {
        const trap = place.write('thread', '');
        await until('a thread died', () => !existsSync(trap) || undefined);
      };
      await tear();
      const told = (): true | undefined =>
        linesOf(place.file('log')).some((line) =>
          /lvl=eror msg="a worker thread died.*a thread tore.*stack=/.test(line),
        ) || undefined;
      await until('it is told', told);
      await place.add(['echo two']);
      assert.equal((await place.jobs()).length, 2);
      assert.match(
        (await place.ok(['manager', 'status'])).stdout,
        /Errors since the last start:\n.*a worker thread died/,
      );
      await tear();
      await tear();
      await until('it is gone', () => !isAlive(place.pid) || undefined);
      assert.match(
        critical(place).join('\n'),
        /had to end: worker threads die again and again: a thread tore/,
      );
      await place.start(['-s', 'none']);
      assert.equal((await place.counts()).ready, 2);
    }));
});

describe('a runner in which something fails that nobody foresaw', () => {
  it('sees what runs to its end and tells it, and leaves the rest to another one', () =>
    withTraps(async (place, env) => {
      await place.start(['--max_cores', '1'], { env });
      const runners = (): number[] =>
        place.processes().filter((pid) => commandLine(pid).includes('cli/main.js runner'));
      const command = (name: string): string =>
        `echo ${name} >> marks; while [ ! -e go ]; do sleep 0.1; done; echo ${name} over >> marks`;
      await place.add([command('one'), command('two')], ['--cwd_matters', '-i', 'pair']);
      await place.until('the first runs', () => place.lines('marks')[0]);
      const [first] = runners();
      const trap = place.write('runner', '');
      await until('it has failed', () => !existsSync(trap) || undefined);
      place.write('go', '');
      const jobs = await place.settled('pair', 2);
      assert.deepEqual(
        jobs.map(({ State, Attempts, Exitcode }) => [State, Attempts, Exitcode]),
        [
          ['complete', 1, 0],
          ['complete', 1, 0],
        ],
      );
      assert.deepEqual(place.lines('marks'), ['one', 'one over', 'two', 'two over']);
      await until('the first runner is gone', () => !runners().includes(first ?? 0) || undefined);
    }));
});

describe('a command line in which something fails that nobody foresaw', () => {
  it('says so in a line and ends with exit code 1', () =>
    withTraps(async (place, env) => {
      await place.start(['-s', 'none']);
      const trap = place.write('status', '');
      const { code, stderr, stdout } = await place.wr(['status', '-o', 'counts'], { env });
      assert.ok(!existsSync(trap));
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /^ERROR\[.*\] the road ended — this is a defect of wr.*\n$/);
    }));
});
