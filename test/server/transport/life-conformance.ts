/** Opening, closing and the bounds in time of the transport's contract; run for both by `conformance.test.ts`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { WrError } from '../../../core/errors.ts';
import type { TestCertificates } from './harness.ts';
import { ask, HEADERS, openFixture, openSocket } from './harness.ts';
import { RawClient } from './raw-client.ts';

export function describeLife(which: 'uws' | 'node', certificates: () => TestCertificates): void {
  const ca = (): string => certificates().ca;

  describe('opening and closing', () => {
    it('names the port that is in use, and gives back the other one', async () => {
      const first = await openFixture(which, certificates());
      const { clientPort, webPort } = first.transport;
      const inUse = (port: number) => (error: unknown) => {
        assert.ok(error instanceof WrError);
        assert.equal(error.code, 'PORT_IN_USE');
        assert.match(error.message, new RegExp(`\\b${port}\\b`));
        return true;
      };
      await assert.rejects(openFixture(which, certificates(), { clientPort }), inUse(clientPort));
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const free = (probe.address() as AddressInfo).port;
      await new Promise((resolve) => probe.close(resolve));
      await assert.rejects(openFixture(which, certificates(), { clientPort: free, webPort }), inUse(webPort));
      const again = await openFixture(which, certificates(), { clientPort: free });
      assert.equal(again.transport.clientPort, free);
      await again.transport.close();
      assert.equal((await ask(webPort, ca())).text, 'ok', 'the first one is not disturbed');
      await first.transport.close();
    });

    it('names the port that another program has', async () => {
      const other = createServer().listen(0, '0.0.0.0');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      await assert.rejects(openFixture(which, certificates(), { host: '0.0.0.0', webPort: port }), {
        code: 'PORT_IN_USE',
        message: new RegExp(`\\b${port}\\b`),
      });
      await new Promise((resolve) => other.close(resolve));
    });

    it('names the port that another program has on IPv6 alone', async (t) => {
      const other = createServer();
      other.listen({ host: '::', port: 0, ipv6Only: true });
      try {
        await once(other, 'listening');
      } catch {
        return t.skip('there is no IPv6 here');
      }
      const { port } = other.address() as AddressInfo;
      for (const ports of [{ webPort: port }, { clientPort: port }])
        await assert.rejects(openFixture(which, certificates(), { host: '0.0.0.0', ...ports }), {
          code: 'PORT_IN_USE',
          message: `port ${port} on [::] is in use`,
        });
      await new Promise((resolve) => other.close(resolve));
    });

    it('says what else keeps it from listening', async () => {
      await assert.rejects(openFixture(which, certificates(), { host: '192.0.2.1' }), {
        code: 'CANNOT_START',
      });
      const swapped = { certFile: certificates().keyFile, keyFile: certificates().certFile };
      await assert.rejects(openFixture(which, certificates(), swapped), { code: 'BAD_CERTIFICATE' });
    });

    it('says goodbye with 1001, ends every connection and frees both ports', async () => {
      const { transport, ears } = await openFixture(which, certificates());
      const { clientPort, webPort } = transport;
      const sockets = [await openSocket(clientPort, ca()), await openSocket(webPort, ca(), '/status_ws')];
      const paused = await RawClient.open({ port: clientPort, ca: ca(), headers: HEADERS });
      paused.socket.pause();
      const unfinished = connect(clientPort, '127.0.0.1').on('error', () => undefined);
      await once(unfinished, 'connect');
      const silent = await RawClient.tls({ port: webPort, ca: ca() });
      await ears.until(() => ears.opened.length === 3);
      const goodbyes = sockets.map((socket) => once(socket, 'close'));
      const ends = [once(unfinished, 'close'), silent.closed];
      await transport.close();
      assert.equal(ears.closed.length, 3);
      assert.equal(transport.connections, 0);
      for (const [code] of await Promise.all(goodbyes)) assert.equal(code, 1001);
      await Promise.all(ends);
      paused.socket.destroy();
      const next = await openFixture(which, certificates(), { clientPort, webPort });
      assert.equal(next.transport.clientPort, clientPort);
      assert.equal(next.transport.webPort, webPort);
      await next.transport.close();
    });

    it('lets an answer under way leave before it closes', async () => {
      const { transport, ears } = await openFixture(which, certificates());
      let answerNow = (): void => undefined;
      ears.answer = () =>
        new Promise((resolve) => {
          answerNow = () => resolve({ status: 200, body: 'the last one' });
        });
      const asked = ask(transport.webPort, ca());
      await ears.until(() => ears.requests.length === 1);
      const closed = transport.close();
      answerNow();
      assert.equal((await asked).text, 'the last one');
      await closed;
    });
  });
}
