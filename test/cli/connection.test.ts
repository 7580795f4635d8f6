import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { connect as connectDeployment } from '../../cli/client.ts';
import type { ManagerAddress } from '../../cli/connection.ts';
import { connectManager } from '../../cli/connection.ts';
import type { ManagerLink } from '../../cli/manager-link.ts';
import type { PageReply } from '../../core/client-replies.ts';
import { decodeFrame, encodeFrame } from '../../core/codec.ts';
import type { Config } from '../../core/config.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { WrError } from '../../core/errors.ts';
import type { Reply, Request } from '../../core/protocol.ts';
import { FRAME_BYTES_MAX } from '../../core/protocol.ts';
import { ensureCertificates } from '../../server/certificates.ts';
import type { Connection } from '../../server/transport/transport.ts';
import type { Fixture, TestCertificates } from '../server/transport/harness.ts';
import { makeTestCertificates, openFixture, TOKEN } from '../server/transport/harness.ts';

/** Bounds what must not happen; what is expected happens much sooner. */
const LONG_MS = 30_000;

function failsWith(code: ErrorCode, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WrError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

describe('connectManager', () => {
  let certificates: TestCertificates;
  let fixture: Fixture;
  /** What the manager does with each message. */
  let answer: (connection: Connection, request: Request) => void = () => undefined;
  const links: ManagerLink[] = [];
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  const address = (more: Partial<ManagerAddress> = {}): ManagerAddress => ({
    host: '127.0.0.1',
    port: fixture.transport.clientPort,
    token: TOKEN,
    caFile: certificates.caFile,
    domain: 'localhost',
    timeoutMs: LONG_MS,
    ...more,
  });

  async function link(more: Partial<ManagerAddress> = {}): Promise<ManagerLink> {
    const made = await connectManager(address(more));
    links.push(made);
    return made;
  }

  /** Something else that listens where a manager was expected. */
  async function listen(server: Server): Promise<number> {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** As commands do: to the address that a manager left, or else to the one that is configured. */
  async function connectByFiles(stored: string, clientPort: number, timeoutMs: number): Promise<void> {
    const { caFile } = certificates;
    const files = { tokenFile: `${caFile}.token`, addressFile: `${caFile}.address` };
    await writeFile(files.tokenFile, TOKEN);
    await writeFile(files.addressFile, stored);
    const config = { ...files, caFile, managerHost: 'localhost', clientPort, certDomain: 'localhost' };
    const log = { debug: assert.fail, info: assert.fail, warn: assert.fail, error: assert.fail };
    (await connectDeployment(config as Config, log, { timeoutMs })).link.close();
  }

  async function tlsOptions(): Promise<{ cert: Buffer; key: Buffer }> {
    return { cert: await readFile(certificates.certFile), key: await readFile(certificates.keyFile) };
  }

  before(async () => {
    certificates = await makeTestCertificates();
    fixture = await openFixture('node', certificates, { frameBytesMax: FRAME_BYTES_MAX });
    fixture.ears.onMessage = (connection, bytes) => {
      for (const request of decodeFrame<Request>(bytes)) answer(connection, request);
    };
  });
  after(async () => {
    for (const made of links) made.close();
    await fixture.transport.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await certificates.remove();
  });

  const reply = (connection: Connection, ...replies: Reply[]): void =>
    connection.send(encodeFrame(replies.length === 1 ? replies[0]! : replies));
  const pong = (connection: Connection, request: Request): void => {
    if (request.type === 'ping') reply(connection, { type: 'pong', id: request.id });
  };

  describe('failing to connect', () => {
    it('says that no manager answers where nobody listens', async () => {
      const port = await listen(createServer());
      const server = servers.pop()!;
      await new Promise((resolve) => server.close(resolve));
      await assert.rejects(
        connectManager(address({ port })),
        failsWith('NO_MANAGER', new RegExp(`127.0.0.1:${port}`)),
      );
      const nowhere = address({ host: 'no-such-host.invalid' });
      await assert.rejects(connectManager(nowhere), failsWith('NO_MANAGER', /no-such-host/));
    });

    it('says that the token was refused', async () => {
      await assert.rejects(
        connectManager(address({ token: 'another' })),
        failsWith('BAD_TOKEN', /refused the token/),
      );
    });

    it('names the CA file that is missing, is none, or belongs to another manager', async () => {
      const missing = `${certificates.caFile}.missing`;
      await assert.rejects(
        connectManager(address({ caFile: missing })),
        failsWith('BAD_CERTIFICATE', /ca\.pem\.missing cannot be read/),
      );
      const garbage = `${certificates.caFile}.garbage`;
      await writeFile(garbage, 'this is no certificate');
      await assert.rejects(
        connectManager(address({ caFile: garbage })),
        failsWith('BAD_CERTIFICATE', /ca\.pem\.garbage holds no certificate/),
      );
      const other = await makeTestCertificates();
      await assert.rejects(connectManager(address({ caFile: other.caFile })), (error) => {
        assert.ok(failsWith('BAD_CERTIFICATE', /does not belong to/)(error));
        assert.ok((error as Error).message.includes(other.caFile));
        return true;
      });
      await other.remove();
    });

    it('refuses a certificate for another domain, whatever address was dialled', async () => {
      await assert.rejects(
        connectManager(address({ domain: 'elsewhere.example' })),
        failsWith('BAD_CERTIFICATE', /is not for elsewhere\.example/),
      );
      const byAddress = await link({ domain: '127.0.0.1' });
      assert.equal(byAddress.open, true);
    });

    it('refuses an expired certificate, naming the file', async () => {
      const old = {
        caFile: `${certificates.caFile}.old-ca`,
        certFile: `${certificates.caFile}.old-cert`,
        keyFile: `${certificates.caFile}.old-key`,
      };
      const twoYearsAgo = Date.now() - 2 * 365 * 24 * 3600 * 1000;
      await ensureCertificates({ ...old, domain: 'localhost', ips: [], nowMs: twoYearsAgo });
      const expired = await openFixture('node', { ...certificates, ...old });
      const dialled = address({ port: expired.transport.clientPort, caFile: old.caFile });
      await assert.rejects(connectManager(dialled), failsWith('BAD_CERTIFICATE', /old-ca expired on/));
      await expired.transport.close();
    });

    it('says by name that client and manager are of different versions', async () => {
      const newer = await openFixture('node', certificates, { protocol: 'wr.2' });
      const dialled = address({ port: newer.transport.clientPort });
      await assert.rejects(connectManager(dialled), failsWith('BAD_PROTOCOL', /wr\.2 is spoken here/));
      await newer.transport.close();
    });

    it('takes nothing for a manager that does not answer as one', async () => {
      const plain = await listen(createServer((socket) => socket.end('hello\n')));
      await assert.rejects(
        connectManager(address({ port: plain })),
        failsWith('BAD_PROTOCOL', /does not speak TLS/),
      );
      const odd = await listen(
        createTlsServer(await tlsOptions(), (socket) => socket.end('220 mail ready\r\n')),
      );
      await assert.rejects(connectManager(address({ port: odd })), failsWith('BAD_PROTOCOL', /./));
      const deaf = await listen(createTlsServer(await tlsOptions(), (socket) => socket.end()));
      await assert.rejects(connectManager(address({ port: deaf })), failsWith('DISCONNECTED', /./));
    });

    it('gives up a manager that accepts and then says nothing, or never finishes a word', async () => {
      const silent = await listen(createServer());
      let calls = 0;
      servers.at(-1)?.on('connection', () => {
        calls += 1;
      });
      await assert.rejects(
        connectByFiles(`127.0.0.2:${silent}`, silent, 200),
        failsWith('TIMED_OUT', /127.0.0.2/),
      );
      assert.equal(calls, 1, 'the other name of this machine is not tried in vain');
      const dialled = address({ port: silent, timeoutMs: 200 });
      await assert.rejects(connectManager(dialled), failsWith('TIMED_OUT', /did not answer in time/));
      const dribbling = await listen(
        createTlsServer(await tlsOptions(), (socket) => {
          const timer = setInterval(() => socket.write('x'), 20);
          socket.write('HTTP/1.1 101 Switching Protocols\r\nX-Long: ');
          socket.on('error', () => undefined).on('close', () => clearInterval(timer));
        }),
      );
      const slow = address({ port: dribbling, timeoutMs: 300 });
      await assert.rejects(connectManager(slow), failsWith('TIMED_OUT', /did not answer in time/));
    });
  });

  describe('questions', () => {
    it('finds the answer to each, in whatever order they come', async () => {
      const asked: { connection: Connection; id: number }[] = [];
      answer = (connection, request) => {
        if (request.type !== 'ping') return;
        asked.push({ connection, id: request.id });
        if (asked.length === 3)
          for (const one of asked.reverse()) reply(one.connection, { type: 'pong', id: one.id });
      };
      const { ask, askAll } = bind(await link());
      const replies = await Promise.all([
        ask({ type: 'ping' }),
        ...askAll([{ type: 'ping' }, { type: 'ping' }]),
      ]);
      assert.deepEqual(
        replies.map((one) => one.type === 'pong' && one.id),
        [1, 2, 3],
      );
    });

    it('sends several questions in one frame', async () => {
      answer = pong;
      const made = await link();
      const before = fixture.ears.messages.length;
      await Promise.all(made.askAll([{ type: 'ping' }, { type: 'ping' }, { type: 'ping' }]));
      assert.equal(fixture.ears.messages.length, before + 1);
    });

    it('hands over the parts of an answer before its end', async () => {
      answer = (connection, request) => {
        if (request.type !== 'status') return;
        const page = (last: boolean): PageReply => ({ type: 'page', id: request.id, jobs: [], last });
        reply(connection, page(false), page(false));
        reply(connection, page(true));
      };
      const made = await link();
      const parts: Reply[] = [];
      const question = {
        type: 'status',
        select: { by: 'all' },
        output: 'jobs',
        states: [],
        limit: 0,
        env: false,
        host: '',
      } as const;
      const last = await made.ask(question, { onPart: (part) => parts.push(part) });
      assert.equal(parts.length, 2);
      assert.equal(last.type === 'page' && last.last, true);
    });

    it('fails with what the manager answered', async () => {
      answer = (connection, request) => {
        if (request.type !== 'ping') return;
        const { id } = request;
        reply(connection, {
          type: 'error',
          id,
          code: 'STORE_FULL',
          message: 'the disk is full',
          retryable: true,
        });
      };
      const made = await link();
      await assert.rejects(made.ask({ type: 'ping' }), failsWith('STORE_FULL', /the disk is full/));
      answer = (connection, request) => {
        if (request.type !== 'ping') return;
        const code = 'FROM_THE_FUTURE' as ErrorCode;
        reply(connection, { type: 'error', id: request.id, code, message: 'news', retryable: false });
      };
      await assert.rejects(made.ask({ type: 'ping' }), failsWith('INTERNAL', /FROM_THE_FUTURE: news/));
    });

    it('fails in time when no answer comes, drops the late one and goes on', async () => {
      let late: (() => void) | undefined;
      answer = (connection, request) => {
        late = () => pong(connection, request);
      };
      const made = await link();
      await assert.rejects(
        made.ask({ type: 'ping' }, { timeoutMs: 50 }),
        failsWith('TIMED_OUT', /ping in 50 ms/),
      );
      answer = (connection, request) => {
        late?.();
        pong(connection, request);
      };
      const next = await made.ask({ type: 'ping' });
      assert.equal(next.type === 'pong' && next.id, 2);
      assert.equal(made.open, true);
    });

    it('refuses to send what no manager would take', async () => {
      const made = await link();
      const env = new Uint8Array(FRAME_BYTES_MAX + 1);
      const begin = { type: 'addFrame', requestId: 'r', seq: 0, bytes: env } as const;
      assert.throws(() => made.tell(begin), failsWith('FRAME_TOO_LARGE', /does not fit/));
      assert.equal(made.open, true);
    });

    it('hands over what answers no question', async () => {
      answer = (connection) => reply(connection, { type: 'kill', attempts: [7] });
      const made = await link();
      const pushed = new Promise<Reply>((resolve) => {
        made.onPush = resolve;
      });
      made.tell({ type: 'more', of: 1, pages: 1 });
      assert.deepEqual(await pushed, { type: 'kill', attempts: [7] });
    });
  });

  describe('ending', () => {
    it('fails every open question with the reason when the manager closes, and later ones too', async () => {
      answer = (connection) => connection.close(1001, 'the manager is stopping');
      const made = await link();
      const reasons: string[] = [];
      made.onClose = (reason) => reasons.push(reason);
      const asked = made.askAll([{ type: 'ping' }, { type: 'ping' }]);
      for (const one of await Promise.allSettled(asked)) {
        assert.equal(one.status, 'rejected');
        assert.ok(failsWith('DISCONNECTED', /the manager is stopping/)(one.reason));
      }
      await assert.rejects(made.ask({ type: 'ping' }), failsWith('DISCONNECTED', /./));
      made.tell({ type: 'more', of: 1, pages: 1 });
      assert.equal(made.open, false);
      assert.equal(reasons.length, 1);
    });

    it('takes a frame that cannot be decoded for another protocol', async () => {
      answer = (connection) => connection.send(Buffer.from([0xc1, 0xff]));
      const made = await link();
      await assert.rejects(made.ask({ type: 'ping' }), failsWith('BAD_PROTOCOL', /decoded/));
      assert.equal(made.open, false);
    });

    it('gives up a frozen manager by itself, also where a question may wait for ever', async () => {
      let freeze = (): void => undefined;
      const real = fixture.transport.clientPort;
      // A proxy that can stop passing bytes on: as a stopped process, its connection stays open.
      const port = await listen(
        createServer((socket) => {
          const behind = connect(real, '127.0.0.1').on('error', () => undefined);
          sockets.add(behind);
          socket.pipe(behind).pipe(socket);
          freeze = () => {
            socket.unpipe(behind).pause();
            behind.unpipe(socket).pause();
          };
        }),
      );
      answer = pong;
      const made = await link({ port, heartbeatMs: 100 });
      assert.equal((await made.ask({ type: 'ping' })).type, 'pong');
      freeze();
      const forEver = { timeoutMs: Number.POSITIVE_INFINITY };
      await assert.rejects(
        made.ask({ type: 'settle', key: new Uint8Array(16) }, forEver),
        failsWith('DISCONNECTED', /stopped answering/),
      );
    });

    it('keeps a quiet connection as long as the manager answers pings', async () => {
      const server = createHttpsServer(await tlsOptions());
      const port = await listen(server);
      // Not the transport: its handlers do not hear pings.
      const websockets = new WebSocketServer({ server });
      const tenPings = new Promise<void>((resolve) => {
        let pings = 0;
        websockets.on('connection', (socket) => {
          socket.on('ping', () => {
            pings += 1;
            if (pings === 10) resolve();
          });
        });
      });
      const made = await link({ port, heartbeatMs: 20 });
      await tenPings;
      assert.equal(made.open, true);
      made.close();
      websockets.close();
    });

    it('closes at once here, and is gone there', async () => {
      const known = fixture.ears.opened.length;
      const made = await link();
      await fixture.ears.until(() => fixture.ears.opened.length > known);
      answer = () => undefined;
      const asked = made.ask({ type: 'ping' });
      made.close();
      await assert.rejects(asked, failsWith('DISCONNECTED', /closed here/));
      const there = fixture.ears.opened[known]!;
      await fixture.ears.until(() => fixture.ears.closed.includes(there));
    });
  });
});

function bind(link: ManagerLink): Pick<ManagerLink, 'ask' | 'askAll'> {
  return { ask: link.ask.bind(link), askAll: link.askAll.bind(link) };
}
