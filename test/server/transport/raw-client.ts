/** A websocket client on a bare TLS socket: sends bytes as cut as a test likes, and reads only when told to. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';

export interface RawOptions {
  readonly port: number;
  readonly ca: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The head of a websocket request. */
export function upgradeHead(target: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** A masked frame; the mask is zero, which is a legal one, so that the payload can be read in a dump. */
export function frameOf(
  payload: Uint8Array,
  { opcode = 2, fin = true, declared = payload.length } = {},
): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const mask = Buffer.alloc(4);
  let head: Buffer;
  if (declared < 126) head = Buffer.from([first, 0x80 | declared]);
  else if (declared < 65536) head = Buffer.from([first, 0x80 | 126, declared >> 8, declared & 0xff]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(declared), 2);
  }
  return Buffer.concat([head, mask, payload]);
}

export class RawClient {
  readonly socket: TLSSocket;
  /** The answer's head, once there. */
  head = '';
  /** Set for the tests that expect to be closed; parsing all for every chunk is slow. */
  answersClose = false;
  readonly closed: Promise<void>;
  #bytes: Buffer[] = [];

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => undefined); // Resets are part of these tests.
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Opens TLS and nothing more. */
  static async tls({ port, ca }: RawOptions): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' });
    const client = new RawClient(socket);
    await once(socket, 'secureConnect');
    return client;
  }

  /** Opens a websocket. */
  static async open(options: RawOptions): Promise<RawClient> {
    const client = await RawClient.tls(options);
    client.socket.write(upgradeHead(options.target ?? '/client', options.headers ?? {}));
    await client.#readHead();
    return client;
  }

  async #readHead(): Promise<void> {
    let read = Buffer.alloc(0);
    while (!read.includes('\r\n\r\n')) {
      const [chunk] = (await once(this.socket, 'data')) as [Buffer];
      read = Buffer.concat([read, chunk]);
    }
    const end = read.indexOf('\r\n\r\n') + 4;
    this.head = read.subarray(0, end).toString('latin1');
    this.#bytes.push(read.subarray(end));
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes.push(chunk);
      this.#answerClose();
    });
  }

  /** As a websocket peer does; everything else is left to the test. */
  #answerClose(): void {
    if (!this.answersClose) return;
    const close = this.frames().find(({ opcode }) => opcode === 8);
    if (close === undefined) return;
    this.answersClose = false;
    this.socket.end(frameOf(close.payload, { opcode: 8 }));
  }

  /** Everything received after the head. */
  get received(): Buffer {
    const all = Buffer.concat(this.#bytes);
    this.#bytes = [all];
    return all;
  }

  /** Payloads of the frames received so far, by opcode, whole ones only. */
  frames(): { opcode: number; payload: Buffer }[] {
    const all = this.received;
    const frames: { opcode: number; payload: Buffer }[] = [];
    let at = 0;
    while (at + 2 <= all.length) {
      let length = all[at + 1]! & 0x7f;
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > all.length) break;
        length = all.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (at + 10 > all.length) break;
        length = Number(all.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (start + length > all.length) break;
      frames.push({ opcode: all[at]! & 0x0f, payload: all.subarray(start, start + length) });
      at = start + length;
    }
    return frames;
  }

  /** The code of the close frame received, if any. */
  closeCode(): number | undefined {
    const frame = this.frames().find(({ opcode }) => opcode === 8);
    return frame?.payload.readUInt16BE(0);
  }
}
