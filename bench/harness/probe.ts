/** One connection to a manager for asking during a measurement what the command line would ask, without its start. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { ManagerStatusReply, StateCounts } from '../../core/client-replies.ts';
import { decodeFrame, encodeFrame } from '../../core/codec.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import type { Reply, Request } from '../../core/protocol.ts';
import { CLIENT_PATH, PROTOCOL } from '../../core/protocol.ts';

export interface ProbeTarget {
  readonly clientPort: number;
  readonly caFile: string;
  readonly token: string;
}

/** Options with which a client opens its websocket. */
export function socketOptions(target: ProbeTarget) {
  return {
    ca: readFileSync(target.caFile),
    servername: 'localhost',
    headers: { Authorization: `Bearer ${target.token}` },
    perMessageDeflate: false,
  };
}

export function socketUrl(target: ProbeTarget): string {
  return `wss://127.0.0.1:${target.clientPort}${CLIENT_PATH}`;
}

export class Probe {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the manager closed the connection'));
      this.#waiting.clear();
    });
    socket.on('error', () => undefined); // Followed by close.
  }

  static async connect(target: ProbeTarget): Promise<Probe> {
    const socket = new WebSocket(socketUrl(target), PROTOCOL, socketOptions(target));
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return new Probe(socket);
  }

  #receive(data: Buffer): void {
    for (const reply of decodeFrame<Reply>(data)) {
      if (!('id' in reply)) continue;
      const waiter = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.type === 'error') waiter?.reject(new Error(`${reply.code}: ${reply.message}`));
      else waiter?.resolve(reply);
    }
  }

  #ask(request: Request & { readonly id: number }): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#socket.send(encodeFrame(request));
    });
  }

  /** Also starts a new window for the loop delay. */
  async status(): Promise<ManagerStatusReply> {
    this.#id += 1;
    const reply = await this.#ask({ type: 'managerStatus', id: this.#id });
    if (reply.type !== 'managerStatus') throw new Error(`managerStatus was answered with ${reply.type}`);
    return reply;
  }

  /** Counts over a report group, or over all incomplete jobs. */
  async counts(repGroup?: string): Promise<StateCounts> {
    this.#id += 1;
    const select =
      repGroup === undefined
        ? ({ by: 'all' } as const)
        : ({ by: 'repGroup', repGroup, search: false } as const);
    const request = {
      type: 'status',
      id: this.#id,
      select,
      output: 'counts',
      states: [],
      limit: 0,
      env: false,
      host: '',
    } as const;
    const reply = await this.#ask(request);
    if (reply.type !== 'counts') throw new Error(`counts were answered with ${reply.type}`);
    return reply.counts;
  }

  /** Adds lines. @returns ms from the request to its durable answer, and how many entered the queue */
  async add(lines: string, options: Partial<JobOptions> = {}): Promise<{ ms: number; added: number }> {
    const requestId = randomUUID();
    const defaults = { ...DEFAULT_JOB_OPTIONS, ...options };
    const startedMs = performance.now();
    this.#id += 2;
    const begin = { id: this.#id - 1, defaults, rerun: false, head: 0, wantKeys: false } as const;
    const began = this.#ask({ type: 'addBegin', requestId, ...begin });
    this.#socket.send(
      encodeFrame({ type: 'addFrame', requestId, seq: 0, bytes: Buffer.from(lines) } satisfies Request),
    );
    const reply = await this.#ask({ type: 'addEnd', id: this.#id, requestId, frames: 1 });
    await began;
    if (reply.type !== 'added') throw new Error(`an add was answered with ${reply.type}`);
    return { ms: performance.now() - startedMs, added: reply.added };
  }

  close(): void {
    this.#socket.close();
  }
}
