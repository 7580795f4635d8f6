import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeCertificates } from '../../server/certificate-maker.ts';
import { type Finished, Place } from './harness.ts';

const DAY_MS = 24 * 3_600_000;

/** Exit code 1, and an error that holds all of these and says what to do. */
function assertRefused({ code, stderr }: Finished, ...parts: readonly (string | RegExp)[]): void {
  assert.equal(code, 1, stderr);
  const error = stderr.split('\n').findLast((line) => line.startsWith('ERROR[')) ?? '';
  for (const part of parts)
    assert.ok(typeof part === 'string' ? error.includes(part) : part.test(error), `${part}: ${stderr}`);
  assert.match(error, / — \S/);
}

async function withPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const place = await Place.make();
  try {
    await run(place);
  } finally {
    await place.remove();
  }
}

/** Listens on a port until the call has ended. */
async function whileTaken<Result>(port: number, call: () => Promise<Result>): Promise<Result> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
  try {
    return await call();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('clients whose manager is not as it should be', () => {
  it('say that there is none, that it was never started, or that it went away, and add nothing', () =>
    withPlace(async (place) => {
      assertRefused(
        await place.wr(['status']),
        'client.token could not be read',
        'has the manager been started?',
      );
      assertRefused(await place.wr(['add'], { stdin: 'true nobody\n' }), 'client.token', 'wr manager start');
      assertRefused(await place.wr(['manager', 'stop']), 'does not seem to be running');
      assert.equal((await place.ok(['manager', 'status'])).stdout, 'stopped\n');
      await place.start(['-s', 'none']);
      await place.kill();
      assertRefused(await place.wr(['status']), 'no manager answers on', 'ECONNREFUSED', 'wr manager start');
      assertRefused(await place.wr(['add'], { stdin: 'true nobody\n' }), 'no manager answers on');
      assert.equal((await place.ok(['manager', 'status'])).stdout, 'stopped\n');
      await place.start(['-s', 'none']);
      assert.equal((await place.counts()).ready, 0);
    }));

  it('say so when token or certificates are missing, wrong or expired, and work again with the right ones', () =>
    withPlace(async (place) => {
      await place.start(['-s', 'none']);
      const token = readFileSync(place.file('client.token'));
      const ca = readFileSync(place.file('ca.pem'));
      const refused = async (...parts: readonly (string | RegExp)[]): Promise<void> => {
        assertRefused(await place.wr(['status', '-o', 'counts']), ...parts);
        assertRefused(await place.wr(['add'], { stdin: 'true stranger\n' }), ...parts);
      };

      writeFileSync(place.file('client.token'), 'A'.repeat(43));
      await refused('refused the token', 'restart the manager or check --deployment');
      rmSync(place.file('client.token'));
      await refused('client.token could not be read');
      // It runs all the same: another one must not be started beside it.
      assertRefused(
        await place.wr(['manager', 'start']),
        `is running with pid ${place.pid}`,
        'wr manager stop',
      );
      writeFileSync(place.file('client.token'), token);

      rmSync(place.file('ca.pem'));
      await refused('ca.pem cannot be read', 'delete the CA, certificate and key files');
      writeFileSync(place.file('ca.pem'), 'nothing of the kind\n');
      await refused('ca.pem holds no certificate in PEM form');
      const other = { domain: 'localhost', ips: ['127.0.0.1'], lifeMs: DAY_MS };
      writeFileSync(place.file('ca.pem'), (await makeCertificates({ ...other, nowMs: Date.now() })).ca);
      await refused('does not belong to', 'ca.pem');
      const old = await makeCertificates({ ...other, nowMs: Date.now() - 10 * DAY_MS });
      writeFileSync(place.file('ca.pem'), old.ca);
      await refused(/ca\.pem.*expired|expired.*ca\.pem|does not belong to .*ca\.pem/);
      writeFileSync(place.file('ca.pem'), ca);

      assert.equal((await place.counts()).ready, 0);
      await place.add(['true stranger']);
      assert.equal((await place.counts()).ready, 1);
    }));
});

describe('a manager that cannot start', () => {
  it('says which port is taken, and starts once it is free', () =>
    withPlace(async (place) => {
      for (const port of [place.clientPort, place.webPort]) {
        const result = await whileTaken(port, () => place.wr(['manager', 'start']));
        assertRefused(result, `port ${port}`, 'in use', 'managerport and managerweb');
        assert.deepEqual(place.processes(), []);
        assert.ok(!existsSync(place.file('pid')));
        assert.ok(!existsSync(place.file('client.token')));
      }
      await place.start();
    }));

  it('says that its directory cannot be made', () =>
    withPlace(async (place) => {
      const env = { WR_MANAGERDIR: join(place.write('in-the-way', ''), 'wr') };
      assertRefused(await place.wr(['manager', 'start'], { env }), 'in-the-way/wr_production cannot be made');
      assert.deepEqual(place.processes(), []);
    }));

  it('says that its directory cannot be written to', (t) =>
    withPlace(async (place) => {
      mkdirSync(place.managerDir, { mode: 0o700 });
      const args = ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', place.managerDir];
      if (spawnSync('mount', args).status !== 0) return t.skip('no file system can be mounted here');
      try {
        for (const flags of [[], ['-f']])
          assertRefused(
            await place.wr(['manager', 'start', ...flags]),
            `${place.managerDir} cannot be written to`,
            'EROFS',
            'set managerdir to a directory',
          );
        assert.deepEqual(place.processes(), []);
      } finally {
        spawnSync('umount', ['-l', place.managerDir]);
      }
    }));

  it('names certificates that have expired, or that are not all there, and touches none', () =>
    withPlace(async (place) => {
      mkdirSync(place.managerDir);
      const old = await makeCertificates({
        domain: 'localhost',
        ips: ['127.0.0.1'],
        nowMs: Date.now() - 10 * DAY_MS,
        lifeMs: DAY_MS,
      });
      const files = { 'ca.pem': old.ca, 'cert.pem': old.cert, 'key.pem': old.key };
      for (const [name, text] of Object.entries(files))
        writeFileSync(place.file(name), text, { mode: 0o600 });
      assertRefused(await place.wr(['manager', 'start']), 'expired', /(ca|cert)\.pem/, 'renew your own');
      for (const [name, text] of Object.entries(files))
        assert.equal(readFileSync(place.file(name), 'utf8'), text);
      rmSync(place.file('key.pem'));
      assertRefused(await place.wr(['manager', 'start']), /(ca|cert|key)\.pem/);
      assert.ok(!existsSync(place.file('key.pem')));
      assert.deepEqual(place.processes(), []);
    }));

  it('leaves a database alone that is none, or is not its own', () =>
    withPlace(async (place) => {
      mkdirSync(place.managerDir);
      const notes = Buffer.from(`${'These are my notes. '.repeat(1000)}\n`);
      writeFileSync(place.file('db'), notes);
      assertRefused(await place.wr(['manager', 'start']), place.file('db'), 'nothing was touched');
      assert.deepEqual(readFileSync(place.file('db')), notes);
      assert.deepEqual(place.processes(), []);
    }));

  it('names a configuration value that cannot be', () =>
    withPlace(async (place) => {
      assertRefused(
        await place.wr(['status'], { env: { WR_MANAGERPORT: 'abc' } }),
        'WR_MANAGERPORT',
        '"abc"',
      );
      writeFileSync(join(place.dir, '.wr_config.yml'), 'managerumask: "7"\nmanagerprot: 1\n');
      assertRefused(await place.wr(['manager', 'start']), '.wr_config.yml', 'managerprot', /line 2|:2/);
    }));
});

describe('a disk that fills up while commands are added', () => {
  it('queues nothing of the add, keeps the manager alive, and works once there is room again', (t) =>
    withPlace(async (place) => {
      mkdirSync(place.managerDir, { mode: 0o700 });
      const mounted = spawnSync('mount', [
        '-t',
        'tmpfs',
        '-o',
        'size=12m,mode=700',
        'tmpfs',
        place.managerDir,
      ]);
      if (mounted.status !== 0) return t.skip('no file system can be mounted here');
      try {
        await place.start();
        const ballast = place.file('ballast');
        writeFileSync(ballast, Buffer.alloc(6 * 1024 * 1024));
        const lines = Array.from({ length: 12_000 }, () => `true ${randomBytes(600).toString('base64')}\n`);
        const big = place.write('big.txt', lines.join(''));
        const refused = await place.wr(['add', '-f', big, '-i', 'big']);
        assertRefused(
          refused,
          /no room|full/,
          place.file('db'),
          'free disk space',
          'nothing of this request was kept',
        );
        const told =
          /lvl=eror msg="a request failed: the database could not be written" type=add .*code=STORE_FULL/;
        assert.match(readFileSync(place.file('log'), 'utf8'), told);
        assert.match((await place.ok(['manager', 'status'])).stdout, told);
        const { complete, ...others } = await place.counts();
        assert.ok([complete, ...Object.values(others)].every((count) => count === 0));

        rmSync(ballast);
        await place.add(['true fits-again'], ['-i', 'small']);
        const [small] = await place.settled('small', 1);
        assert.equal(small?.State, 'complete');
        // Neither does a restart find any of it.
        await place.kill();
        await place.start();
        assert.deepEqual(await place.jobs(['-i', 'big']), []);
        assert.equal((await place.job(['-i', 'small'])).State, 'complete');
        await place.stop();
        assert.ok(!readdirSync(place.managerDir).includes('pid'));
      } finally {
        spawnSync('umount', ['-l', place.managerDir]);
      }
    }));
});
