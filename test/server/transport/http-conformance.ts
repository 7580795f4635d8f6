/** The HTTP half of the transport's contract; run for both by `conformance.test.ts`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { after, before, describe, it } from 'node:test';
import type { HttpResponse } from '../../../server/transport/transport.ts';
import type { Fixture, TestCertificates } from './harness.ts';
import { ask, openFixture } from './harness.ts';
import { RawClient } from './raw-client.ts';

const MIB = 1024 * 1024;
const BODY_BYTES_MAX = 2 * MIB;

export function describeHttp(which: 'uws' | 'node', certificates: () => TestCertificates): void {
  describe('requests', () => {
    let fixture: Fixture;
    const web = (): number => fixture.transport.webPort;
    const ca = (): string => certificates().ca;

    before(async () => {
      fixture = await openFixture(which, certificates());
    });
    after(() => fixture.transport.close());

    it('hands over method, path, query, headers, address, port and body, and sends the answer', async () => {
      fixture.ears.answer = () => ({
        status: 207,
        headers: { 'X-Answer': 'yes' },
        body: Buffer.from('the answer'),
      });
      const headers = { 'X-Question': 'why', Authorization: 'Bearer of news' };
      const options = { method: 'PUT', path: '/rest/v1/jobs/a%20b?state=x&y=%2F', headers };
      const { response, text } = await ask(web(), ca(), options, 'a body');
      assert.equal(response.statusCode, 207);
      assert.equal(response.headers['x-answer'], 'yes');
      assert.equal(text, 'the answer');
      const heard = fixture.ears.requests.at(-1)!;
      assert.equal(heard.method, 'PUT');
      assert.equal(heard.path, '/rest/v1/jobs/a%20b');
      assert.equal(heard.query, 'state=x&y=%2F');
      assert.equal(heard.headers['x-question'], 'why');
      assert.equal(heard.headers.authorization, 'Bearer of news');
      assert.equal(heard.remoteAddress, '127.0.0.1');
      assert.equal(heard.port, 'web');
      assert.equal(Buffer.from(heard.body).toString(), 'a body');
      await ask(fixture.transport.clientPort, ca());
      assert.equal(fixture.ears.requests.at(-1)!.port, 'client');
      assert.equal(fixture.ears.requests.at(-1)!.body.byteLength, 0);
    });

    it('takes a websocket path without an upgrade for an ordinary request', async () => {
      fixture.ears.answer = () => ({ status: 404, body: 'page not found' });
      const { response } = await ask(web(), ca(), { path: '/client' });
      assert.equal(response.statusCode, 404);
    });

    it('accepts 1 MiB of path, and of a header', async () => {
      fixture.ears.answer = ({ path, headers }) => ({
        status: 200,
        body: `${path.length} ${headers['x-long']?.length}`,
      });
      const keys = Array.from({ length: 32_000 }, (_, n) => n.toString(16).padStart(32, '0')).join(',');
      const byPath = await ask(web(), ca(), { path: `/rest/v1/jobs/${keys.slice(0, MIB)}` });
      assert.equal(byPath.text, `${'/rest/v1/jobs/'.length + MIB} undefined`);
      const byHeader = await ask(web(), ca(), { path: '/', headers: { 'X-Long': keys.slice(0, MIB) } });
      assert.equal(byHeader.text, `1 ${MIB}`);
    });

    it('refuses a head far over 1 MiB and goes on', async () => {
      const path = `/${'a'.repeat(3 * MIB)}`;
      const outcome = await ask(web(), ca(), { path }).then(
        ({ response }) => response.statusCode,
        (error: NodeJS.ErrnoException) => error.code,
      );
      assert.ok([431, 'ECONNRESET', 'EPIPE'].includes(outcome as never), String(outcome));
      assert.equal((await ask(web(), ca())).response.statusCode, 200);
    });

    it('collects a body up to the limit', async () => {
      fixture.ears.answer = ({ body }) => ({ status: 200, body: String(body.byteLength) });
      const body = Buffer.alloc(BODY_BYTES_MAX, 'body');
      const { text } = await ask(web(), ca(), { method: 'POST' }, body);
      assert.equal(text, String(BODY_BYTES_MAX));
      assert.equal(Buffer.compare(fixture.ears.requests.at(-1)!.body, body), 0);
    });

    it('answers 413 to a larger one, declared or chunked, and the connection lives on', async () => {
      fixture.ears.answer = () => ({ status: 200, body: 'fine' });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const heard = fixture.ears.requests.length;
      for (const headers of [
        { 'Content-Length': String(BODY_BYTES_MAX + 1) },
        { 'Transfer-Encoding': 'chunked' },
      ]) {
        const options = { method: 'POST', headers, agent };
        const { response, text } = await ask(web(), ca(), options, Buffer.alloc(BODY_BYTES_MAX + 1));
        assert.equal(response.statusCode, 413);
        assert.match(text, /2097152 bytes/);
      }
      assert.equal(fixture.ears.requests.length, heard);
      assert.equal((await ask(web(), ca(), { agent })).text, 'fine');
      agent.destroy();
    });

    it('answers several requests on one connection, in order', async () => {
      fixture.ears.answer = async ({ path }) => ({ status: 200, body: `[${path}]` });
      const client = await RawClient.tls({ port: web(), ca: ca() });
      let text = '';
      client.socket.on('data', (chunk) => {
        text += String(chunk);
      });
      for (const path of ['/a', '/b', '/c']) {
        client.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        while (!text.includes(`[${path}]`)) await once(client.socket, 'data');
      }
      assert.deepEqual(text.match(/\[.*?\]/g), ['[/a]', '[/b]', '[/c]']);
      client.socket.destroy();
    });

    it('answers HEAD with the length and no body', async () => {
      fixture.ears.answer = () => ({ status: 200, body: '12345' });
      const { response, text } = await ask(web(), ca(), { method: 'HEAD' });
      assert.equal(response.headers['content-length'], '5');
      assert.equal(text, '');
    });

    it('sends a large answer to a slow reader whole', async () => {
      const large = Buffer.alloc(16 * MIB, 'large');
      fixture.ears.answer = () => ({ status: 200, body: large });
      const sent = request({ host: '127.0.0.1', port: web(), ca: ca(), servername: 'localhost' }).end();
      const [response] = await once(sent, 'response');
      response.pause();
      assert.equal((await ask(fixture.transport.clientPort, ca())).text.length, large.length);
      let bytes = 0;
      for await (const chunk of response) bytes += chunk.length;
      assert.equal(bytes, large.length);
    });

    it('answers 500 for a handler that fails, without saying how', async () => {
      fixture.ears.answer = () => {
        throw new Error('secret of the manager');
      };
      const thrown = await ask(web(), ca());
      assert.equal(thrown.response.statusCode, 500);
      assert.doesNotMatch(thrown.text, /secret/);
      fixture.ears.answer = () => Promise.reject(new Error('secret'));
      assert.equal((await ask(web(), ca())).response.statusCode, 500);
    });

    it('lives on when a client gives up while sending, or while it is being answered', async () => {
      const heard = fixture.ears.requests.length;
      const sending = request({
        host: '127.0.0.1',
        port: web(),
        ca: ca(),
        servername: 'localhost',
        method: 'POST',
      });
      sending.on('error', () => undefined);
      await new Promise<void>((resolve) => sending.write(Buffer.alloc(100_000), () => resolve()));
      sending.destroy();
      let answerNow: (answer: HttpResponse) => void = () => undefined;
      fixture.ears.answer = () =>
        new Promise((resolve) => {
          answerNow = resolve;
        });
      const waiting = request({ host: '127.0.0.1', port: web(), ca: ca(), servername: 'localhost' });
      waiting.on('error', () => undefined).end();
      await fixture.ears.until(() => fixture.ears.requests.length === heard + 1);
      waiting.destroy();
      await new Promise((resolve) => waiting.once('close', resolve));
      // Through another connection and back: by then the transport has heard of the first one's end.
      const later = answerNow;
      fixture.ears.answer = () => ({ status: 200, body: 'alive' });
      assert.equal((await ask(web(), ca())).text, 'alive');
      later({ status: 200, body: 'to nobody' });
      assert.equal((await ask(web(), ca())).text, 'alive');
    });
  });
}
