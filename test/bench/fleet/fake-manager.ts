/** Speaks just enough of the protocol over TLS for a fleet: hands out so many jobs, and counts what is reported. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { decodeFrame, encodeFrame } from '../../../core/codec.ts';
import type { Reply, Request } from '../../../core/protocol.ts';
import { CLIENT_PATH, PROTOCOL } from '../../../core/protocol.ts';
import type { JobOrder } from '../../../core/runner-messages.ts';
import { makeCertificates } from '../../../server/certificate-maker.ts';

export interface FakeManager {
  readonly clientPort: number;
  readonly caFile: string;
  readonly token: string;
  /** Attempts in the order in which their ends were reported. */
  readonly reported: number[];
  readonly hellos: number;
  readonly touches: number;
  close(): Promise<void>;
}

const TOKEN = 'token-of-the-fake-manager';

class Desk {
  readonly reported: number[] = [];
  hellos = 0;
  touches = 0;
  #left: number;
  #attempt = 0;

  constructor(jobs: number) {
    this.#left = jobs;
  }

  answer(request: Request): Reply {
    switch (request.type) {
      case 'hello':
        this.hellos += 1;
        return { type: 'welcome', id: request.id, ttrMs: 60_000, touchMs: 15_000, superseded: [] };
      case 'report':
        for (const event of request.events) if (event.event === 'ended') this.reported.push(event.attempt);
        return { type: 'reported', id: request.id, superseded: [] };
      case 'reserve':
        return {
          type: 'jobs',
          id: request.id,
          group: request.group,
          templates: [],
          jobs: this.#orders(),
          leave: false,
        };
      case 'touch':
        this.touches += 1;
        return { type: 'touched', id: request.id, kill: [] };
      default:
        return { type: 'error', id: 0, code: 'BAD_PROTOCOL', message: request.type, retryable: false };
    }
  }

  #orders(): JobOrder[] {
    if (this.#left === 0) return [];
    this.#left -= 1;
    this.#attempt += 1;
    const cmd = Buffer.from('true');
    const job = { attempt: this.#attempt, key: '00', cmd, template: 1, delta: null, attemptsLeft: 3 };
    return [{ ...job, memoryMb: 100, timeMs: 1_000 }];
  }
}

/** @param jobs - how many it has to hand out */
export async function startFakeManager(jobs: number): Promise<FakeManager> {
  const dir = mkdtempSync(join(tmpdir(), 'wr-fake-'));
  const caFile = join(dir, 'ca.pem');
  const made = await makeCertificates({
    domain: 'localhost',
    ips: ['127.0.0.1'],
    nowMs: Date.now(),
    lifeMs: 3_600_000,
  });
  writeFileSync(caFile, made.ca);
  const desk = new Desk(jobs);
  const server = createServer({ key: made.key, cert: made.cert });
  const sockets = new WebSocketServer({ server, path: CLIENT_PATH, handleProtocols: () => PROTOCOL });
  sockets.on('connection', (socket, request) => {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) socket.terminate();
    socket.on('message', (data: Buffer) => {
      socket.send(encodeFrame(decodeFrame<Request>(data).map((message) => desk.answer(message))));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    clientPort: typeof address === 'object' && address !== null ? address.port : 0,
    caFile,
    token: TOKEN,
    reported: desk.reported,
    get hellos() {
      return desk.hellos;
    },
    get touches() {
      return desk.touches;
    },
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
