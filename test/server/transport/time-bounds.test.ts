import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { TestCertificates } from './harness.ts';
import { HEADERS, makeTestCertificates, openFixture, openSocket, uwsSkipReason } from './harness.ts';
import { RawClient } from './raw-client.ts';

const skipReason = { uws: await uwsSkipReason(), node: '' };

// What these wait for takes seconds: they wait together.
describe('bounds in time of every transport', { concurrency: true }, () => {
  let certificates: TestCertificates | undefined;
  const made = (): TestCertificates => {
    if (certificates === undefined) throw new Error('certificates are made before the tests');
    return certificates;
  };
  before(async () => {
    certificates = await makeTestCertificates();
  });
  after(() => certificates?.remove());

  for (const which of ['uws', 'node'] as const) {
    const skip = skipReason[which] === '' ? false : skipReason[which];

    it(`${which} drops a peer that has gone silent, and keeps one that answers pings`, { skip }, async () => {
      const { ca } = made();
      const { transport, ears } = await openFixture(which, made(), { idleSeconds: 8 });
      const live = await openSocket(transport.clientPort, ca);
      let pings = 0;
      live.on('ping', () => {
        pings += 1;
      });
      const silent = await RawClient.open({ port: transport.clientPort, ca, headers: HEADERS });
      await ears.until(() => ears.opened.length === 2);
      await silent.closed;
      await ears.until(() => ears.closed.length === 1);
      const frames = silent.frames();
      assert.ok(
        frames.some(({ opcode }) => opcode === 9),
        'the silent one was pinged before it was dropped',
      );
      assert.notEqual(ears.closed[0], ears.opened[0]);
      assert.equal(live.readyState, live.OPEN);
      assert.ok(pings > 0, 'the live one was pinged');
      await transport.close();
    });

    it(`${which} drops a peer that does not finish its handshake or its request`, { skip }, async () => {
      const { ca } = made();
      const { transport, ears } = await openFixture(which, made());
      const { clientPort, webPort } = transport;
      const noTls = connect(clientPort, '127.0.0.1').on('error', () => undefined);
      const noRequest = await RawClient.tls({ port: clientPort, ca });
      const halfHead = await RawClient.tls({ port: webPort, ca });
      halfHead.socket.write('GET / HTTP/1.1\r\nHost: local');
      for (const { socket } of [noRequest, halfHead]) socket.resume();
      await Promise.all([once(noTls.resume(), 'close'), noRequest.closed, halfHead.closed]);
      assert.equal(ears.opened.length + ears.requests.length, 0);
      await transport.close();
    });
  }
});
