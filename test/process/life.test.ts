import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeCertificates } from '../../server/certificate-maker.ts';
import { isAlive, linesOf, Place, type PlaceOptions, WR } from './harness.ts';

const DAY_MS = 24 * 3_600_000;

async function withPlace(run: (place: Place) => Promise<void>, options: PlaceOptions = {}): Promise<void> {
  const place = await Place.make(options);
  try {
    await run(place);
  } finally {
    await place.remove();
  }
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** The version that a manager tells over HTTPS, its certificate verified. */
function askVersion(port: number, ca: string, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/rest/version/', ca, servername, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(text));
      },
    );
    asked.on('error', reject).end();
  });
}

describe('a manager in the foreground', () => {
  it('serves until Ctrl-C, which stops it cleanly: what ran is killed and buried', () =>
    withPlace(async (place) => {
      const foreground = place.spawn(process.execPath, [WR, 'manager', 'start', '-f']);
      await place.until('it answers', async () => {
        const { stdout } = await place.wr(['manager', 'status']);
        return stdout.startsWith('started') || undefined;
      });
      await place.add([`echo $$ >> ${place.work}/pid; exec sleep 98770`], ['-i', 'runs']);
      await place.until(
        'it runs',
        async () => (await place.job(['-i', 'runs'])).State === 'running' || undefined,
      );
      const [command = 0] = place.lines('pid').map(Number);
      assert.ok(isAlive(command));
      const [manager = 0] = linesOf(place.file('pid')).map(Number);
      process.kill(foreground.pid, 'SIGINT');
      const { code, stderr } = await foreground.finished;
      assert.equal(code, 0);
      assert.match(stderr, /started on .*:\d+/);
      const web = `https://localhost:${place.webPort}/\\?token=[\\w-]{43}`;
      assert.match(stderr, new RegExp(`INFO.* wr's web interface can be reached at ${web}`));
      assert.doesNotMatch(linesOf(place.file('log')).join('\n'), /token=/);
      assert.match(stderr, /wr manager stopped reason=SIGINT/);
      assert.ok(!isAlive(command) && !isAlive(manager));
      assert.ok(!existsSync(place.file('pid')));
      await place.start();
      const job = await place.job(['-i', 'runs']);
      assert.deepEqual([job.State, job.FailReason], ['buried', 'killed by user request']);
    }));
});

describe('a manager in the foreground of a terminal', () => {
  it('stops cleanly at one Ctrl-C, which reaches it and the wr that started it', () =>
    withPlace(async (place) => {
      const foreground = place.spawn(process.execPath, [WR, 'manager', 'start', '-f', '-s', 'none']);
      await place.until('it answers', async () => {
        const { stdout } = await place.wr(['manager', 'status']);
        return stdout.startsWith('started') || undefined;
      });
      const [manager = 0] = linesOf(place.file('pid')).map(Number);
      process.kill(manager, 'SIGINT');
      process.kill(foreground.pid, 'SIGINT');
      const { code, stderr } = await foreground.finished;
      assert.equal(code, 0);
      assert.match(stderr, /wr manager stopped reason=SIGINT/);
    }));
});

describe('deployments', () => {
  it('run beside each other, each with its own commands', () =>
    withPlace(async (production) => {
      await withPlace(
        async (development) => {
          await Promise.all([production.start(), development.start()]);
          await production.add(['echo production'], ['-i', 'same']);
          await development.add(['echo development'], ['-i', 'same']);
          for (const place of [production, development]) {
            const [job] = await place.settled('same', 1);
            assert.equal(job?.Cmd, `echo ${place.deployment}`);
          }
          // The flag beats the environment: from one place both are reached.
          const env = {
            WR_MANAGERDIR: production.env.WR_MANAGERDIR,
            WR_MANAGERPORT: production.env.WR_MANAGERPORT,
            WR_MANAGERWEB: production.env.WR_MANAGERWEB,
          };
          const args = ['status', '--deployment', 'production', '-i', 'same', '-o', 'json'];
          const { stdout } = await development.ok(args, { env });
          assert.match(stdout, /"Cmd":"echo production"/);
          await development.stop();
          assert.equal((await production.ok(['manager', 'status'])).stdout.split('\n')[0], 'started');
        },
        { deployment: 'development' },
      );
    }));

  it('start empty when they are for development, and remember when they are for production', async () => {
    for (const deployment of ['production', 'development'] as const) {
      await withPlace(
        async (place) => {
          await place.start(['-s', 'none']);
          await place.add(['true kept']);
          await place.kill();
          await place.start(['-s', 'none']);
          assert.equal((await place.counts()).ready, deployment === 'production' ? 1 : 0);
        },
        { deployment },
      );
    }
  });
});

describe('the configuration', () => {
  it('comes from files and the environment, and wr conf says from where each value is', () =>
    withPlace(async (place) => {
      const home = join(place.dir, '.wr_config.yml');
      const nearer = join(place.work, '.wr_config.production.yml');
      writeFileSync(home, 'managerscheduler: none\nmanagerumask: 027\nmanagertokenfile: home.token\n');
      writeFileSync(nearer, 'managertokenfile: nearer.token\n');
      const { stdout } = await place.ok(['conf'], { env: { WR_MANAGERUMASK: '077' } });
      const rows = new Map(
        stdout
          .split('\n')
          .filter((line) => line.startsWith('|'))
          .map((line) => line.split('|').map((cell) => cell.trim()))
          .map(([, name = '', value = '', source = '']) => [name, [value, source]] as const),
      );
      assert.deepEqual(rows.get('ManagerScheduler'), ['none', home]);
      assert.deepEqual(rows.get('ManagerUmask'), ['077', 'env var']);
      assert.deepEqual(rows.get('ManagerTokenFile'), [place.file('nearer.token'), nearer]);
      assert.deepEqual(rows.get('ManagerPort'), [String(place.clientPort), 'env var']);
      assert.deepEqual(rows.get('RunnerExecShell'), ['bash', 'default']);

      await place.start();
      assert.ok(existsSync(place.file('nearer.token')));
      assert.match((await place.ok(['manager', 'status'])).stdout, /^Scheduler: none$/m);
      await place.add(['true waits']);
      assert.equal((await place.counts()).ready, 1);
    }));

  it('prints a sample that is itself a configuration', () =>
    withPlace(async (place) => {
      const { stdout } = await place.ok(['conf', '--default']);
      writeFileSync(join(place.dir, '.wr_config.yml'), stdout);
      await place.ok(['conf']);
    }));
});

describe('a manager that a shell started', () => {
  it('keeps nothing open that the shell had open, such as a lock', () =>
    withPlace(async (place) => {
      const script = `exec 199>"$1/lock" && flock 199 && exec "$2" "$3" manager start -s none --timeout 60`;
      const args = ['-c', script, 'bash', place.dir, process.execPath, WR];
      const { code, stderr } = await place.spawn('bash', args).finished;
      assert.equal(code, 0, stderr);
      const { code: locked } = await place.spawn('flock', ['-n', join(place.dir, 'lock'), 'true']).finished;
      assert.equal(locked, 0);
    }));
});

describe('what a manager writes', () => {
  for (const umask of ['000', '077']) {
    it(`is private under a umask of ${umask}`, () =>
      withPlace(async (place) => {
        const script = `umask ${umask}; exec "$0" "$@"`;
        const args = ['-c', script, process.execPath, WR, 'manager', 'start', '--timeout', '60'];
        const { code, stderr } = await place.spawn('sh', args).finished;
        assert.equal(code, 0, stderr);
        assert.equal(modeOf(place.managerDir), '700');
        for (const name of ['client.token', 'manager.addr', 'key.pem', 'db'])
          assert.equal(modeOf(place.file(name)), '600', name);
        for (const name of ['log', 'pid', 'ca.pem', 'cert.pem'])
          assert.equal(
            Number.parseInt(modeOf(place.file(name)), 8) & 0o002,
            0,
            `${name} is not for others to write`,
          );
        assert.match(readFileSync(place.file('client.token'), 'latin1'), /^[\w-]{43}$/);
        assert.match(
          readFileSync(place.file('manager.addr'), 'latin1'),
          new RegExp(`^[^:]+:${place.clientPort}$`),
        );
        const log = readFileSync(place.file('log'), 'utf8');
        assert.ok(
          !log.includes(readFileSync(place.file('client.token'), 'latin1')),
          'the token is not in the log',
        );
      }));
  }

  it('lies in a directory that others could write to, and can no more, as the log tells', () =>
    withPlace(async (place) => {
      mkdirSync(place.managerDir);
      chmodSync(place.managerDir, 0o777);
      await place.start();
      assert.equal(modeOf(place.managerDir), '755');
      const told = linesOf(place.file('log')).find((line) => line.includes('the mode of a directory'));
      assert.match(told ?? '', /wr_production from=0777 to=0755$/);
    }));

  it('may lie behind a symbolic link, whose target is left as it is, with a warning', () =>
    withPlace(async (place) => {
      const target = join(place.dir, 'elsewhere');
      mkdirSync(target);
      chmodSync(target, 0o770);
      symlinkSync(target, place.managerDir);
      const { stderr } = await place.start();
      assert.match(stderr, /WARN.*wr_production is a symbolic link/);
      assert.equal(modeOf(target), '770');
    }));
});

describe('certificates', () => {
  it('may be the own ones, for a name of their own', () =>
    withPlace(async (place) => {
      const own = await makeCertificates({
        domain: 'wr.example',
        ips: [],
        nowMs: Date.now(),
        lifeMs: DAY_MS,
      });
      const path = (name: string, text: string): string => place.write(name, text);
      const config = [
        `managercafile: ${path('own-ca.pem', own.ca)}`,
        `managercertfile: ${path('own-cert.pem', own.cert)}`,
        `managerkeyfile: ${path('own-key.pem', own.key)}`,
        '',
      ].join('\n');
      writeFileSync(join(place.dir, '.wr_config.yml'), config);
      const refused = await place.wr(['manager', 'start']);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /own-cert\.pem is not for managercertdomain, localhost, but for DNS:wr\.example/,
      );
      assert.match(refused.stderr, /set managercertdomain to a name/);
      assert.deepEqual(place.processes(), []);
      writeFileSync(join(place.dir, '.wr_config.yml'), `${config}managercertdomain: wr.example\n`);
      await place.start();
      assert.ok(!existsSync(place.file('ca.pem')));
      await place.add(['true own'], ['-i', 'own']);
      const [job] = await place.settled('own', 1);
      assert.equal(job?.State, 'complete');
      for (const port of [place.clientPort, place.webPort])
        assert.match(await askVersion(port, own.ca, 'wr.example'), /"API":"1"/);
      await assert.rejects(askVersion(place.webPort, own.ca, 'localhost'), /wr\.example/);
    }));

  it('are made at the first start, verify, and stay the same at the next', () =>
    withPlace(async (place) => {
      await place.start();
      const ca = readFileSync(place.file('ca.pem'), 'utf8');
      assert.match(await askVersion(place.webPort, ca, 'localhost'), /"API":"1"/);
      const cert = readFileSync(place.file('cert.pem'), 'utf8');
      const token = readFileSync(place.file('client.token'), 'utf8');
      await place.stop();
      await place.start();
      assert.equal(readFileSync(place.file('cert.pem'), 'utf8'), cert);
      assert.notEqual(readFileSync(place.file('client.token'), 'utf8'), token);
    }));
});

describe('a stale pid file', () => {
  it('stops nobody from starting, whoever has that pid now', () =>
    withPlace(async (place) => {
      const stranger = place.spawn('sleep', ['98771']);
      mkdirSync(place.managerDir, { mode: 0o700 });
      for (const content of [`${stranger.pid}\n`, '4194000\n', 'no number\n', '']) {
        writeFileSync(place.file('pid'), content);
        const stopped = await place.wr(['manager', 'stop']);
        assert.equal(stopped.code, 1);
        assert.match(stopped.stderr, /delete .*pid/);
        await place.start();
        await place.stop();
      }
      assert.ok(isAlive(stranger.pid), 'it was not taken for the manager');
    }));

  it('is replaced by the start that follows a kill', () =>
    withPlace(async (place) => {
      await place.start();
      await place.kill();
      assert.ok(existsSync(place.file('pid')));
      const started = await place.start();
      assert.doesNotMatch(started.stderr, /ERROR/);
      assert.deepEqual(linesOf(place.file('pid')).map(Number), [place.pid]);
      assert.match((await place.ok(['manager', 'status'])).stdout, new RegExp(`PID: ${place.pid}$`, 'm'));
    }));
});
