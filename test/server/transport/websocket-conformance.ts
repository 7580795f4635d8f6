/** The websocket half of the transport's contract; run for both by `conformance.test.ts`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Connection } from '../../../server/transport/transport.ts';
import type { Fixture, TestCertificates } from './harness.ts';
import { HEADERS, newSocket, openFixture, openSocket, PROTOCOL, refusalOf, TOKEN } from './harness.ts';
import { frameOf, RawClient, upgradeHead } from './raw-client.ts';

const MIB = 1024 * 1024;
const FRAME_BYTES_MAX = 2 * MIB;

export function describeWebsockets(which: 'uws' | 'node', certificates: () => TestCertificates): void {
  describe('websockets', () => {
    let fixture: Fixture;
    const ca = (): string => certificates().ca;
    const port = (): number => fixture.transport.clientPort;
    const open = (): Promise<RawClient> => RawClient.open({ port: port(), ca: ca(), headers: HEADERS });

    /** A raw client and the manager's end of it. */
    async function openPair(): Promise<{ client: RawClient; connection: Connection }> {
      const known = fixture.ears.opened.length;
      const client = await open();
      await fixture.ears.until(() => fixture.ears.opened.length > known);
      return { client, connection: fixture.ears.opened[known]! };
    }

    before(async () => {
      fixture = await openFixture(which, certificates());
    });
    after(() => fixture.transport.close());

    it('speaks TLS only', async () => {
      for (const plainPort of [fixture.transport.clientPort, fixture.transport.webPort]) {
        const socket = connectTcp(plainPort, '127.0.0.1');
        let answer = '';
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => {
          answer += String(chunk);
        });
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
        await once(socket, 'close');
        assert.doesNotMatch(answer, /200 OK/);
      }
      assert.equal(fixture.ears.requests.length, 0);
    });

    it('refuses a wrong or missing token with 401 before there is a websocket', async () => {
      for (const token of ['', 'wrong']) {
        const { status, text } = await refusalOf(newSocket(port(), ca(), '/client', token, [PROTOCOL]));
        assert.equal(status, 401);
        assert.match(text, /bad token/);
      }
      assert.equal(fixture.ears.opened.length, 0);
    });

    it('takes the token from the header or the query, on both ports, and does not keep it', async () => {
      const known = fixture.ears.opened.length;
      const byHeader = await openSocket(fixture.transport.webPort, ca(), '/status_ws?x=1');
      const byQuery = newSocket(port(), ca(), `/client?token=${TOKEN}&y=2`, '', [PROTOCOL]);
      await once(byQuery, 'open');
      await fixture.ears.until(() => fixture.ears.opened.length === known + 2);
      const [first, second] = fixture.ears.opened.slice(known);
      assert.equal(first?.url, '/status_ws?x=1');
      assert.equal(second?.url, '/client?y=2');
      assert.equal(first?.remoteAddress, '127.0.0.1');
      assert.equal(byQuery.protocol, PROTOCOL);
      assert.notEqual(first?.id, second?.id);
      assert.equal(fixture.transport.connections, 2);
      byHeader.close();
      byQuery.close();
      await fixture.ears.until(() => fixture.ears.closed.length === known + 2);
      assert.equal(fixture.transport.connections, 0);
    });

    it('refuses an unknown path with 404 and another protocol with 400, saying why', async () => {
      const unknown = await refusalOf(newSocket(port(), ca(), '/elsewhere', TOKEN, [PROTOCOL]));
      assert.equal(unknown.status, 404);
      assert.match(unknown.text, /\/elsewhere/);
      const older = await refusalOf(newSocket(port(), ca(), '/client', TOKEN, ['wr.0', 'chat']));
      assert.equal(older.status, 400);
      assert.match(older.text, /subprotocol wr\.1 is spoken here, offered was wr\.0, ?chat/);
      const none = await refusalOf(newSocket(port(), ca(), '/client', TOKEN, []));
      assert.equal(none.status, 400);
      assert.match(none.text, /none was offered/);
    });

    it('hands over many frames that came in one segment, each whole and in order', async () => {
      const { client, connection } = await openPair();
      const from = fixture.ears.messages.length;
      const frames = Array.from({ length: 2000 }, (_, n) => frameOf(Buffer.from(`frame ${n}`)));
      client.socket.write(Buffer.concat(frames));
      await fixture.ears.until(() => fixture.ears.messages.length === from + 2000);
      const heard = fixture.ears.messages.slice(from);
      assert.ok(heard.every((message) => message.connection === connection));
      assert.deepEqual(
        heard.map(({ bytes }) => Buffer.from(bytes).toString()),
        frames.map((_, n) => `frame ${n}`),
      );
      client.socket.destroy();
    });

    it('answers each of many large frames that came in one go, from within their handler', async () => {
      const client = await openSocket(port(), ca(), '/client');
      const answers: number[] = [];
      client.on('message', (data: Buffer) => answers.push(data.readUInt32BE()));
      fixture.ears.onMessage = (connection, bytes) => connection.send(bytes.slice(0, 4));
      const count = 400;
      const frame = (n: number): Buffer => {
        const bytes = Buffer.alloc(10_000);
        bytes.writeUInt32BE(n);
        return bytes;
      };
      for (let n = 0; n < count; n += 1) client.send(frame(n));
      while (answers.length < count && client.readyState === client.OPEN) {
        await Promise.race([once(client, 'message'), once(client, 'close')]);
      }
      fixture.ears.onMessage = () => undefined;
      assert.deepEqual(
        answers,
        Array.from({ length: count }, (_, n) => n),
      );
      client.terminate();
    });

    it('puts together a frame that came byte by byte, and a message that came in fragments', async () => {
      const { client } = await openPair();
      const from = fixture.ears.messages.length;
      const payload = Buffer.alloc(70_000, 'abcdefg');
      const frame = frameOf(payload);
      client.socket.setNoDelay(true);
      for (let at = 0; at < 40; at += 1) {
        await new Promise<void>((resolve) =>
          client.socket.write(frame.subarray(at, at + 1), () => resolve()),
        );
      }
      client.socket.write(frame.subarray(40, 1000));
      client.socket.write(frame.subarray(1000));
      client.socket.write(frameOf(payload.subarray(0, 7), { fin: false }));
      client.socket.write(frameOf(payload.subarray(7, 14), { fin: false, opcode: 0 }));
      client.socket.write(frameOf(payload.subarray(14, 21), { opcode: 0 }));
      await fixture.ears.until(() => fixture.ears.messages.length === from + 2);
      assert.deepEqual(Buffer.from(fixture.ears.messages[from]!.bytes), payload);
      assert.deepEqual(Buffer.from(fixture.ears.messages[from + 1]!.bytes), payload.subarray(0, 21));
      client.socket.destroy();
    });

    it('carries frames of 1 MiB and of the limit both ways, and leaves their bytes to the handler', async () => {
      const socket = await openSocket(port(), ca());
      fixture.ears.onMessage = (connection, bytes) => connection.send(bytes);
      const from = fixture.ears.messages.length;
      for (const bytes of [MIB, FRAME_BYTES_MAX]) {
        const payload = Buffer.alloc(bytes, `${bytes} `);
        socket.send(payload);
        const [back, isBinary] = await once(socket, 'message');
        assert.equal(isBinary, true);
        assert.equal(Buffer.compare(back, payload), 0);
      }
      fixture.ears.onMessage = () => undefined;
      assert.equal(fixture.ears.messages[from]!.bytes.byteLength, MIB);
      assert.equal(fixture.ears.messages[from]!.bytes.at(-1), Buffer.alloc(MIB, `${MIB} `).at(-1));
      socket.terminate();
    });

    it('closes with 1009 after a frame over the limit, and at once after one far over it', async () => {
      const { client, connection } = await openPair();
      const from = fixture.ears.messages.length;
      client.answersClose = true;
      client.socket.write(frameOf(Buffer.alloc(FRAME_BYTES_MAX + 1)));
      client.socket.write(frameOf(Buffer.from('after it')));
      await client.closed;
      assert.equal(client.closeCode(), 1009);
      await fixture.ears.until(() => fixture.ears.closed.includes(connection));
      const far = await openPair();
      far.client.socket.write(frameOf(Buffer.alloc(100), { declared: 2 ** 40 }));
      await far.client.closed;
      await fixture.ears.until(() => fixture.ears.closed.includes(far.connection));
      assert.equal(fixture.ears.messages.length, from);
    });

    it('closes with 1003 after a text frame', async () => {
      const { client } = await openPair();
      client.answersClose = true;
      client.socket.write(frameOf(Buffer.from('{}'), { opcode: 1 }));
      await client.closed;
      assert.equal(client.closeCode(), 1003);
    });

    it('answers a ping with its payload', async () => {
      const { client } = await openPair();
      client.socket.write(frameOf(Buffer.from('are you there'), { opcode: 9 }));
      while (client.frames().length === 0) await once(client.socket, 'data');
      assert.equal(client.frames()[0]?.opcode, 10);
      assert.equal(client.frames()[0]?.payload.toString(), 'are you there');
      client.socket.destroy();
    });

    it('sends what one turn produced in order, then closes with the code and reason given', async () => {
      const known = fixture.ears.opened.length;
      const socket = await openSocket(port(), ca());
      await fixture.ears.until(() => fixture.ears.opened.length > known);
      const connection = fixture.ears.opened[known]!;
      const heard: string[] = [];
      socket.on('message', (data) => heard.push(String(data)));
      for (let n = 0; n < 500; n += 1) connection.send(Buffer.from(String(n)));
      connection.close(4001, 'that was all');
      assert.equal(connection.open, false);
      assert.equal(
        fixture.ears.closed.includes(connection),
        false,
        'close is told later, not within the call',
      );
      connection.send(Buffer.from('too late'));
      connection.close(4002, 'again');
      const [code, reason] = await once(socket, 'close');
      assert.equal(code, 4001);
      assert.equal(String(reason), 'that was all');
      assert.deepEqual(
        heard,
        Array.from({ length: 500 }, (_, n) => String(n)),
      );
      await fixture.ears.until(() => fixture.ears.closed.includes(connection));
      connection.send(Buffer.from('to nobody'));
      assert.equal(connection.bufferedBytes, 0);
    });

    it('tells once that a client has vanished, also in the middle of a frame', async () => {
      const idle = await openPair();
      const halfWay = await openPair();
      const frame = frameOf(Buffer.alloc(100_000));
      await new Promise<void>((resolve) =>
        halfWay.client.socket.write(frame.subarray(0, 60_000), () => resolve()),
      );
      idle.client.socket.destroy();
      halfWay.client.socket.destroy();
      const gone = [idle.connection, halfWay.connection];
      await fixture.ears.until(() => gone.every((connection) => fixture.ears.closed.includes(connection)));
      for (const connection of gone) {
        assert.equal(connection.open, false);
        connection.send(Buffer.from('to nobody'));
        connection.close(1000, '');
        assert.equal(fixture.ears.closed.filter((closed) => closed === connection).length, 1);
      }
    });

    it('survives a connection that is cut at any byte of its head or first frame', async () => {
      const head = Buffer.from(upgradeHead('/client', HEADERS));
      const known = fixture.ears.opened.length;
      const from = fixture.ears.messages.length;
      const cuts = [1, 20, head.length - 3, head.length - 1];
      for (let cut = 60; cut < head.length; cut += 20) cuts.push(cut);
      for (const cut of cuts) {
        const client = await RawClient.tls({ port: port(), ca: ca() });
        await new Promise<void>((resolve) => client.socket.write(head.subarray(0, cut), () => resolve()));
        client.socket.destroy();
      }
      assert.equal(fixture.ears.opened.length, known);
      const frame = frameOf(Buffer.alloc(200));
      for (let cut = 1; cut < frame.length; cut += cut < 10 ? 1 : 40) {
        const { client, connection } = await openPair();
        await new Promise<void>((resolve) => client.socket.write(frame.subarray(0, cut), () => resolve()));
        client.socket.destroy();
        await fixture.ears.until(() => fixture.ears.closed.includes(connection));
      }
      assert.equal(fixture.ears.messages.length, from);
      await fixture.ears.until(() => fixture.transport.connections === 0);
    });
  });

  describe('back-pressure', () => {
    const BOUND = 4 * MIB;
    const DRAIN = 512 * 1024;
    const FRAME = Buffer.alloc(64 * 1024, 'x');
    let fixture: Fixture;

    before(async () => {
      fixture = await openFixture(which, certificates(), { bufferedBytesMax: BOUND, drainBytes: DRAIN });
    });
    after(() => fixture.transport.close());

    async function openPaused(): Promise<{ client: RawClient; connection: Connection }> {
      const known = fixture.ears.opened.length;
      const { clientPort } = fixture.transport;
      const client = await RawClient.open({ port: clientPort, ca: certificates().ca, headers: HEADERS });
      await fixture.ears.until(() => fixture.ears.opened.length > known);
      client.socket.pause();
      return { client, connection: fixture.ears.opened[known]! };
    }

    /** Lets the event loop turn, so that what can leave leaves. */
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    it('says when a reader has caught up, and loses nothing', async () => {
      const { client, connection } = await openPaused();
      let frames = 0;
      while (connection.bufferedBytes <= 2 * DRAIN) {
        connection.send(FRAME);
        frames += 1;
        await turn();
      }
      assert.equal(fixture.ears.drained.length, 0);
      client.socket.resume();
      await fixture.ears.until(() => fixture.ears.drained.includes(connection));
      assert.ok(connection.bufferedBytes < DRAIN);
      client.answersClose = true;
      connection.close(1000, 'done');
      await client.closed;
      const payloads = client.frames().filter(({ opcode }) => opcode === 2);
      assert.equal(payloads.length, frames);
      assert.ok(payloads.every(({ payload }) => payload.equals(FRAME)));
      assert.equal(fixture.ears.drained.length, 1);
    });

    it('closes a reader that has stopped once its bound is passed, and bothers nobody else', async () => {
      const { client, connection } = await openPaused();
      const other = await openSocket(fixture.transport.clientPort, certificates().ca);
      fixture.ears.onMessage = (from, bytes) => from.send(bytes);
      let most = 0;
      let echoes = 0;
      for (let sent = 0; sent < 4096 && connection.open; sent += 1) {
        connection.send(FRAME);
        most = Math.max(most, connection.bufferedBytes);
        if (sent % 32 !== 0) continue;
        other.send(`still there ${sent}`.padEnd(40), { binary: true });
        const [back] = await once(other, 'message');
        assert.match(String(back), /still there/);
        echoes += 1;
      }
      fixture.ears.onMessage = () => undefined;
      assert.equal(connection.open, false);
      assert.ok(most > DRAIN && most <= BOUND + 2 * FRAME.length, `${most} bytes were buffered`);
      assert.ok(echoes > 1);
      await fixture.ears.until(() => fixture.ears.closed.includes(connection));
      assert.equal(connection.bufferedBytes, 0);
      other.terminate();
      client.socket.destroy();
    });
  });
}
