import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ConfigInput,
  chooseDeployment,
  configAsEnv,
  configFilePaths,
  defaultPorts,
  expandHome,
  PortsUnsetError,
  resolveConfig,
} from '../../core/config.ts';
import { sampleConfig } from '../../core/config-sample.ts';
import { WrError } from '../../core/errors.ts';

function input(files: Record<string, string> = {}, more: Partial<ConfigInput> = {}): ConfigInput {
  return {
    cwd: '/work',
    home: '/home/ann',
    uid: 1000,
    env: {},
    readText: (path) => files[path] ?? null,
    exists: (path) => path in files,
    ...more,
  };
}

async function refusal(files: Record<string, string>, more: Partial<ConfigInput> = {}): Promise<WrError> {
  try {
    await resolveConfig(input(files, more));
  } catch (thrown) {
    assert.ok(thrown instanceof WrError);
    assert.equal(thrown.code, 'BAD_CONFIG');
    return thrown;
  }
  return assert.fail('it was accepted');
}

describe('resolveConfig without files', () => {
  it('computes ports from the user id and puts the deployment behind the directory', async () => {
    const config = await resolveConfig(input());
    assert.equal(config.clientPort, 5021);
    assert.equal(config.webPort, 5022);
    assert.equal(config.managerDir, '/home/ann/.wr_production');
    assert.equal(config.tokenFile, '/home/ann/.wr_production/client.token');
    assert.equal(config.addressFile, '/home/ann/.wr_production/manager.addr');
    assert.equal(config.umask, 0o007);
    assert.equal(config.queuesAvoid, 'interactive');
    assert.equal(config.logsMaxSizeMb, 500);
    assert.ok(Object.isFrozen(config));
  });

  it('gives development the next two ports and its own directory', async () => {
    const config = await resolveConfig(input({}, { deploymentFlag: 'development' }));
    assert.equal(config.clientPort, 5023);
    assert.equal(config.webPort, 5024);
    assert.equal(config.managerDir, '/home/ann/.wr_development');
  });

  it('refuses to guess ports above 65535', async () => {
    await assert.rejects(resolveConfig(input({}, { uid: 16_200 })), PortsUnsetError);
    assert.equal(defaultPorts(16_127, 'production')?.client, 65_529);
    assert.equal(defaultPorts(16_128, 'production'), null);
  });

  it('takes configured ports whatever the user id', async () => {
    const env = { WR_MANAGERPORT: '11320', WR_MANAGERWEB: '11321' };
    const config = await resolveConfig(input({}, { uid: 99_999, env }));
    assert.deepEqual([config.clientPort, config.webPort], [11_320, 11_321]);
  });

  it('needs a home directory', async () => {
    assert.match((await refusal({}, { home: null })).message, /home directory/);
  });
});

describe('deployment', () => {
  it('prefers the flag, then the environment, then a checkout of the Go sources, then production', () => {
    const env = { WR_DEPLOYMENT: 'development' };
    assert.equal(chooseDeployment(input({}, { env, deploymentFlag: 'production' })), 'production');
    assert.equal(chooseDeployment(input({}, { env })), 'development');
    assert.equal(chooseDeployment(input({ '/work/jobqueue/server.go': '' })), 'development');
    assert.equal(chooseDeployment(input()), 'production');
  });

  it('falls back silently for any other word', () => {
    assert.equal(chooseDeployment(input({}, { deploymentFlag: 'staging' })), 'production');
  });
});

describe('precedence', () => {
  const files = {
    '/work/.wr_config.production.yml': 'managerscheduler: slurm\n',
    '/work/.wr_config.yml': 'managerscheduler: lsf\ncloudos: focal\n',
    '/home/ann/.wr_config.production.yml': 'cloudos: jammy\ncloudram: 4096\n',
    '/home/ann/.wr_config.yml': 'cloudram: 1\nclouddisk: 5\n',
    '/etc/wr/.wr_config.yml': 'clouddisk: 7\ncloudspawns: 3\n',
    '/work/.wr_config.development.yml': 'cloudspawns: 99\n',
  };

  it('is: environment, current directory, home, WR_CONFIG_DIR; deployment before common', async () => {
    const env = { WR_CONFIG_DIR: '/etc/wr', WR_CLOUDUSER: 'root' };
    const config = await resolveConfig(input(files, { env }));
    assert.equal(config.scheduler, 'slurm');
    assert.equal(config.cloudOs, 'focal');
    assert.equal(config.cloudRamMb, 4096);
    assert.equal(config.cloudDiskGb, 5);
    assert.equal(config.cloudSpawnsMax, 3);
    assert.equal(config.cloudUser, 'root');
    const source = (name: string) => config.rows.find((row) => row.name === name)?.source;
    assert.equal(source('ManagerScheduler'), '/work/.wr_config.production.yml');
    assert.equal(source('CloudUser'), 'env var');
    assert.equal(source('CloudCIDR'), 'default');
  });

  it('never reads the files of the other deployment', () => {
    assert.ok(configFilePaths('/a', '/b', undefined, 'production').every((p) => !p.includes('development')));
  });

  it('lists a value that equals the default as default', async () => {
    const config = await resolveConfig(input({ '/work/.wr_config.yml': 'cloudram: 2048\n' }));
    assert.equal(config.rows.find((row) => row.name === 'CloudRAM')?.source, 'default');
  });

  it('counts an empty variable as absent', async () => {
    const config = await resolveConfig(
      input({ '/work/.wr_config.yml': 'cloudos: x\n' }, { env: { WR_CLOUDOS: '' } }),
    );
    assert.equal(config.cloudOs, 'x');
  });

  it('keeps a false and an emptied list from a stronger file', async () => {
    const config = await resolveConfig(
      input({
        '/work/.wr_config.yml': 'logscompress: false\nmanagerqueuesavoid: ""\n',
        '/home/ann/.wr_config.yml': 'logscompress: true\nmanagerqueuesavoid: night\n',
      }),
    );
    assert.equal(config.logsCompress, false);
    assert.equal(config.queuesAvoid, '');
  });
});

describe('values', () => {
  const one = (text: string) => input({ '/work/.wr_config.yml': text });

  it('reads a umask with a leading zero as octal in files and in the environment', async () => {
    assert.equal((await resolveConfig(one('managerumask: 022\n'))).umask, 0o22);
    assert.equal((await resolveConfig(input({}, { env: { WR_MANAGERUMASK: '022' } }))).umask, 0o22);
    assert.equal((await resolveConfig(one('managerumask: 18\n'))).umask, 18);
  });

  it('expands the tilde and places relative paths in the manager’s directory', async () => {
    const config = await resolveConfig(
      one('managerdir: ~/x\nmanagerlogfile: sub/log\nmanagertokenfile: ~/t\n'),
    );
    assert.equal(config.logFile, '/home/ann/x_production/sub/log');
    assert.equal(config.tokenFile, '/home/ann/t');
    assert.equal(config.addressFile, '/home/ann/manager.addr');
    assert.equal(expandHome('~', '/h'), '/h');
    assert.equal(expandHome('~/~wr', '/h'), '/h/~wr');
    assert.equal(expandHome('~wr', '/h'), '~wr');
  });

  it('leaves an s3 address of the backup alone', async () => {
    const config = await resolveConfig(one('managerdbbkfile: s3://me@bucket/dir/db\n'));
    assert.equal(config.dbBackupFile, 's3://me@bucket/dir/db');
  });

  it('makes a relative manager directory absolute, as the manager works elsewhere', async () => {
    assert.equal((await resolveConfig(one('managerdir: wrdir\n'))).managerDir, '/work/wrdir_production');
  });

  it('takes the web port beside a client port that was set alone', async () => {
    const config = await resolveConfig(one('managerport: 7000\n'));
    assert.deepEqual([config.clientPort, config.webPort], [7000, 7001]);
  });
});

describe('refusals name file and line', () => {
  it('of unknown settings, with the nearest known one', async () => {
    const { message } = await refusal({ '/work/.wr_config.yml': '# mine\nmanagerprot: 3\n' });
    assert.equal(message, '/work/.wr_config.yml:2: "managerprot" is no setting; did you mean managerport?');
  });

  it('of broken YAML', async () => {
    assert.match(
      (await refusal({ '/work/.wr_config.yml': 'a: 1\nb: [\n' })).message,
      /^\/work\/\.wr_config\.yml:\d+: /,
    );
  });

  it('of values of the wrong kind', async () => {
    const bad = async (text: string) => (await refusal({ '/work/.wr_config.yml': text })).message;
    assert.match(await bad('cloudram: lots\n'), /yml:1: cloudram is "lots", but must be a whole number/);
    assert.match(await bad('\nmanagerport: 70000\n'), /yml:2: managerport is "70000"/);
    assert.match(await bad('managerdir: [a]\n'), /yml:1: managerdir must be a single value/);
    assert.match(await bad('managerumask: 09\n'), /yml:1: managerumask is "09"/);
    assert.match(await bad('- a\n'), /yml:1: the file must hold/);
  });

  it('of variables', async () => {
    const { message, hint } = await refusal({}, { env: { WR_CLOUDRAM: 'x' } });
    assert.match(message, /^WR_CLOUDRAM: cloudram is "x", but must be a whole number/);
    assert.doesNotMatch(hint, /line/, 'it stands in none');
  });
});

describe('configAsEnv', () => {
  it('carries the whole configuration to another process', async () => {
    const files = {
      '/work/.wr_config.yml': 'managerdir: d\nmanagerqueuesavoid: ""\nmanagerumask: 022\ncloudos: o\n',
    };
    const config = await resolveConfig(input(files, { deploymentFlag: 'development' }));
    const again = await resolveConfig(
      input({}, { cwd: '/', home: '/elsewhere', uid: 5, env: configAsEnv(config) }),
    );
    const { rows: a, ...before } = config;
    const { rows: b, ...after } = again;
    assert.deepEqual(after, before);
    assert.deepEqual(
      b.map((row) => row.value),
      a.map((row) => row.value),
    );
  });
});

describe('sampleConfig', () => {
  it('is itself a valid file that changes nothing', async () => {
    const sample = sampleConfig({ client: 5021, web: 5022 });
    const plain = await resolveConfig(input());
    const config = await resolveConfig(input({ '/work/.wr_config.yml': sample }));
    assert.deepEqual({ ...config, rows: [] }, { ...plain, rows: [] });
    assert.ok(config.rows.every((row) => row.source === 'default'));
    assert.match(sample, /^#managerport: /m);
    assert.match(sample, /^managerdir: "~\/\.wr"$/m);
  });
});
