import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestCertificates } from './harness.ts';
import { makeTestCertificates, openFixture, uwsSkipReason } from './harness.ts';

describe('openTransport', async () => {
  const missing = await uwsSkipReason();
  let certificates: TestCertificates;
  before(async () => {
    certificates = await makeTestCertificates();
  });
  after(() => certificates.remove());

  /** Opens with `WR_TRANSPORT` set, and says what came. */
  async function openWith(
    environment: string | undefined,
  ): Promise<{ name: string; fallbackReason?: string }> {
    const before = process.env.WR_TRANSPORT;
    if (environment === undefined) delete process.env.WR_TRANSPORT;
    else process.env.WR_TRANSPORT = environment;
    try {
      const { transport } = await openFixture('auto', certificates);
      await transport.close();
      return transport;
    } finally {
      if (before === undefined) delete process.env.WR_TRANSPORT;
      else process.env.WR_TRANSPORT = before;
    }
  }

  it('takes uWebSockets.js where it loads, and says why where it does not', async () => {
    const { name, fallbackReason } = await openWith(undefined);
    assert.equal(name, missing === '' ? 'uws' : 'node');
    if (missing === '') assert.equal(fallbackReason, undefined);
    else assert.match(fallbackReason ?? '', /./);
  });

  it('takes the other where the environment says so, which is no fallback', async () => {
    const { name, fallbackReason } = await openWith('node');
    assert.equal(name, 'node');
    assert.equal(fallbackReason, undefined);
  });

  it('refuses to start without uWebSockets.js where it is demanded', {
    skip: missing === '' && 'it loads here',
  }, async () => {
    await assert.rejects(openWith('uws'), { code: 'CANNOT_START', message: /does not load/ });
  });

  it('leaves no trace in the environment that other processes get', async () => {
    assert.equal(process.env.UWS_HTTP_MAX_HEADERS_SIZE, undefined);
  });
});
