/** A {@link ManagerLink} on an open websocket. */
import type { WebSocket } from 'ws';
import { decodeFrame, encodeFrame } from '../core/codec.ts';
import { asWrError, isErrorCode, WrError } from '../core/errors.ts';
import type { Reply, Request } from '../core/protocol.ts';
import { FRAME_BYTES_MAX } from '../core/protocol.ts';
import type { Ask, AskOptions, ManagerLink, Tell } from './manager-link.ts';

export interface LinkOptions {
  readonly timeoutMs: number;
  readonly heartbeatMs: number;
  /** The manager's address, for messages. */
  readonly name: string;
}

/** A manager that is frozen does not answer a close frame either. */
const CLOSE_GRACE_MS = 500;
/** Half heartbeats: it is given up between one and a half and two heartbeats after the last byte. */
const SILENT_BEATS_MAX = 3;
/** Node's timers hold no more; a longer wait is left to the heartbeat. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: WrError) => void;
  readonly onPart: ((reply: Reply) => void) | undefined;
  readonly timer: NodeJS.Timeout | undefined;
}

export class SocketLink implements ManagerLink {
  onPush: ((message: Reply) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  readonly #socket: WebSocket;
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #heartbeat: NodeJS.Timeout;
  #nextId = 1;
  #heard = true;
  #silentBeats = 0;
  /** Why it ended, once it has. */
  #ended: WrError | undefined;

  constructor(socket: WebSocket, options: LinkOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (data: Buffer) => this.#receive(data));
    const heard = (): void => {
      this.#heard = true;
    };
    socket.on('pong', heard);
    socket.on('ping', heard);
    socket.on('error', (error) => this.#end(this.#disconnected(error.message, error)));
    socket.on('close', (code, reason) => this.#end(this.#closedBy(code, reason.toString())));
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs / 2).unref();
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  ask(request: Ask, options?: AskOptions): Promise<Reply> {
    const [reply] = this.askAll([request], options);
    return reply as Promise<Reply>;
  }

  askAll(requests: readonly Ask[], options: AskOptions = {}): readonly Promise<Reply>[] {
    const messages = requests.map(
      (request) => ({ ...request, id: this.#nextId++ }) as Request & { id: number },
    );
    const replies = messages.map(({ id, type }) => this.#expect(id, type, options));
    const failure = this.#send(messages);
    if (failure !== undefined) for (const { id } of messages) this.#settle(id)?.reject(failure);
    return replies;
  }

  tell(messages: Tell | readonly Tell[]): void {
    const failure = this.#send(Array.isArray(messages) ? messages : [messages]);
    if (failure?.code === 'FRAME_TOO_LARGE') throw failure; // An end is told by onClose.
  }

  close(): void {
    if (!this.open) return;
    this.#end(this.#disconnected('it was closed here'));
    const late = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS);
    this.#socket.once('close', () => clearTimeout(late));
    this.#socket.close(1000);
  }

  #expect(
    id: number,
    type: string,
    { timeoutMs = this.#options.timeoutMs, onPart }: AskOptions,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs > TIMER_MS_MAX
          ? undefined
          : setTimeout(() => {
              const message = `the manager on ${this.#options.name} did not answer ${type} in ${timeoutMs} ms`;
              this.#settle(id)?.reject(new WrError('TIMED_OUT', message));
            }, timeoutMs);
      this.#pending.set(id, { resolve, reject, onPart, timer });
    });
  }

  /** @returns what prevented it */
  #send(messages: readonly object[]): WrError | undefined {
    if (this.#ended !== undefined) return this.#ended;
    const frame = encodeFrame(messages.length === 1 && messages[0] ? messages[0] : messages);
    if (frame.byteLength > FRAME_BYTES_MAX) {
      const message = `a message of ${frame.byteLength} bytes does not fit into a frame of ${FRAME_BYTES_MAX}`;
      return new WrError('FRAME_TOO_LARGE', message);
    }
    this.#socket.send(frame);
    return undefined;
  }

  #receive(frame: Uint8Array): void {
    this.#heard = true;
    if (!this.open) return;
    let replies: readonly Reply[];
    try {
      replies = decodeFrame<Reply>(frame);
    } catch (error) {
      this.#end(asWrError(error));
      this.#socket.terminate();
      return;
    }
    for (const reply of replies) this.#take(reply);
  }

  #take(reply: Reply): void {
    const id = 'id' in reply ? reply.id : 0;
    if (id === 0) {
      this.onPush?.(reply);
      return;
    }
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // Its asker has given up.
    if (isPart(reply)) {
      pending.timer?.refresh();
      pending.onPart?.(reply);
      return;
    }
    this.#settle(id);
    if (reply.type === 'error') pending.reject(replyError(reply.code, reply.message));
    else pending.resolve(reply);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }

  /** Called twice per heartbeat. A manager that answers no ping is frozen, or out of reach without either side knowing. */
  #beat(): void {
    this.#silentBeats = this.#heard ? 0 : this.#silentBeats + 1;
    this.#heard = false;
    if (this.#silentBeats >= SILENT_BEATS_MAX) {
      this.#end(this.#disconnected('the manager has stopped answering'));
      this.#socket.terminate();
    } else {
      this.#socket.ping();
    }
  }

  #closedBy(code: number, reason: string): WrError {
    if (code === 1009) {
      return new WrError(
        'FRAME_TOO_LARGE',
        `the manager on ${this.#options.name} refused a frame as too large`,
      );
    }
    return this.#disconnected(reason || `it ended without a word (${code})`);
  }

  #disconnected(why: string, cause?: unknown): WrError {
    return new WrError('DISCONNECTED', `the connection to ${this.#options.name} ended: ${why}`, { cause });
  }

  #end(error: WrError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearInterval(this.#heartbeat);
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
    this.onClose?.(error.message);
  }
}

/** Whether more answers to the same request follow. */
function isPart(reply: Reply): boolean {
  if (reply.type === 'addKeys' || reply.type === 'live' || reply.type === 'watched') return true;
  if (reply.type === 'modProgress' || reply.type === 'modified' || reply.type === 'summaryPart') return true;
  return (reply.type === 'page' || reply.type === 'plainPage' || reply.type === 'jsonPage') && !reply.last;
}

function replyError(code: unknown, message: string): WrError {
  return isErrorCode(code) ? new WrError(code, message) : new WrError('INTERNAL', `${code}: ${message}`);
}
