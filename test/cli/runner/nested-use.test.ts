import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { managerName, nestedVariables } from '../../../cli/runner/nested-use.ts';
import { type ConfigInput, resolveConfig } from '../../../core/config.ts';

const ADDRESS = { host: '10.0.0.5', port: 1021, certDomain: 'localhost' };

function variables(env: ConfigInput['env']): Promise<Record<string, string>> {
  const input = { cwd: '/', home: '/home/ann', uid: 0, env, readText: () => null, exists: () => false };
  return resolveConfig(input).then((config) => nestedVariables(config, ADDRESS));
}

describe('nestedVariables', () => {
  it('name the manager, its deployment and its directory, wherever HOME is by then', async () => {
    assert.deepEqual(await variables({ WR_DEPLOYMENT: 'development' }), {
      WR_DEPLOYMENT: 'development',
      WR_MANAGERDIR: '/home/ann/.wr',
      WR_MANAGERHOST: '10.0.0.5',
      WR_MANAGERPORT: '1021',
      WR_MANAGERCERTDOMAIN: 'localhost',
    });
  });

  it('name token and CA only where they are not in that directory', async () => {
    const { WR_MANAGERTOKENFILE, WR_MANAGERCAFILE } = await variables({
      WR_MANAGERTOKENFILE: '/secret/token',
    });
    assert.deepEqual([WR_MANAGERTOKENFILE, WR_MANAGERCAFILE], ['/secret/token', undefined]);
  });

  it('lead the configuration of a nested wr to the same files', async () => {
    const env = await variables({ WR_DEPLOYMENT: 'development', WR_MANAGERCAFILE: '/etc/ca.pem' });
    const nested = await resolveConfig({
      cwd: '/x',
      home: '/x',
      uid: 7,
      env,
      readText: () => null,
      exists: () => false,
    });
    assert.deepEqual(
      [nested.tokenFile, nested.caFile, nested.clientPort],
      ['/home/ann/.wr_development/client.token', '/etc/ca.pem', 1021],
    );
    assert.equal(managerName(env), '/home/ann/.wr_development');
  });
});
