/**
 * Takes each request to the part of the manager that answers it, and tells the peer what went wrong with it.
 *
 * What comes while the manager recovers is answered afterwards; whatever is wrong with a request ends that one, never the
 * manager.
 */
import type { ManagerStatusReply } from '../core/client-replies.ts';
import { decodeFrame } from '../core/codec.ts';
import { asWrError, WrError } from '../core/errors.ts';
import type { Request } from '../core/protocol.ts';
import type { Adds } from './adds.ts';
import type { Backups } from './backups.ts';
import type { Changes } from './changes.ts';
import type { Explaining } from './explaining.ts';
import type { Limits } from './limits.ts';
import type { Listings } from './listings.ts';
import type { Log } from './log.ts';
import type { Modifying } from './modify.ts';
import type { Peer } from './peer.ts';
import type { RunnerDesk } from './runner-desk.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Settling } from './settling.ts';
import type { Steering } from './steering.ts';
import type { Watching } from './watching.ts';

export interface RequestParts {
  readonly desk: RunnerDesk;
  /** @throws {WrError} RECOVERING */
  readonly adds: () => Adds;
  readonly listings: Listings;
  readonly changes: Changes;
  readonly modifying: Modifying;
  readonly steering: Steering;
  readonly settling: Settling;
  readonly limits: Limits;
  readonly explaining: Explaining;
  readonly watching: Watching;
  readonly backups: Backups;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly mode: () => ManagerStatusReply['mode'];
  /** What `managerStatus` tells besides the queue's own. */
  readonly about: () => Omit<ManagerStatusReply, 'type' | 'id' | 'mode' | 'scheduler'>;
  /** A clean stop is asked for. @param why - as it is logged */
  readonly onShutdown: (why: string) => void;
}

export class Requests {
  readonly #parts: RequestParts;
  /** Requests that came during recovery: they are answered after it. */
  #early: (() => void)[] = [];

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /** A frame of a peer. Whatever is wrong with it ends that request, never the manager. */
  receive(peer: Peer, frame: Uint8Array): void {
    let requests: readonly Request[];
    try {
      requests = decodeFrame<Request>(frame);
    } catch (error) {
      this.#parts.log.warn('a frame could not be decoded', { error: asWrError(error).message });
      peer.post({
        type: 'error',
        id: 0,
        code: 'BAD_PROTOCOL',
        message: 'the frame could not be decoded',
        retryable: false,
      });
      return;
    }
    for (const request of requests) this.#handle(peer, request);
  }

  /** Recovery is over: answers what came meanwhile. */
  answerEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const request of early) request();
  }

  #handle(peer: Peer, request: Request): void {
    if (this.#parts.mode() === 'recovering' && !isAnsweredAlways(request)) {
      this.#early.push(() => this.#handle(peer, request));
      return;
    }
    try {
      const answered = this.#answer(peer, request);
      answered?.catch((error: unknown) => this.#fail(peer, request, error));
    } catch (error) {
      this.#fail(peer, request, error);
    }
  }

  #answer(peer: Peer, request: Request): Promise<void> | undefined {
    switch (request.type) {
      case 'reserve':
        this.#parts.desk.reserve(peer, request);
        return undefined;
      case 'report':
        this.#parts.desk.report(peer, request);
        return undefined;
      case 'touch':
        this.#parts.desk.touch(peer, request);
        return undefined;
      case 'hello':
        this.#parts.desk.hello(peer, request);
        return undefined;
      case 'env':
        this.#parts.desk.env(peer, request);
        return undefined;
      case 'addBegin':
        this.#refuseWhenStopping();
        this.#parts.adds().begin(peer, request);
        peer.post({ type: 'pong', id: request.id });
        return undefined;
      case 'addFrame':
        this.#parts.adds().frame(peer, request);
        return undefined;
      case 'addEnd':
        return this.#parts.adds().end(peer, request);
      case 'status':
        return this.#parts.listings.status(peer, request);
      case 'more':
        this.#parts.listings.more(peer, request.of, request.pages);
        return undefined;
      case 'kill':
        return this.#parts.changes.kill(peer, request);
      case 'retry':
        this.#refuseWhenStopping();
        return this.#parts.changes.retry(peer, request);
      case 'remove':
        return this.#parts.changes.remove(peer, request);
      case 'suspend':
        return this.#parts.changes.suspend(peer, request);
      case 'resume':
        return this.#parts.changes.resume(peer, request);
      case 'modify':
        this.#refuseWhenStopping();
        return this.#parts.modifying.answer(peer, request);
      case 'steer':
        this.#refuseWhenStopping();
        return this.#parts.steering.answer(peer, request);
      case 'backup':
        return this.#parts.backups.answer(peer, request);
      case 'settle':
        return this.#parts.settling.wait(peer, request);
      case 'limit':
        return this.#parts.limits.answer(peer, request);
      case 'explain':
        return this.#parts.explaining.answer(peer, request);
      case 'watch':
        return this.#parts.watching.watch(peer, request);
      case 'ping':
        peer.post({ type: 'pong', id: request.id });
        return undefined;
      case 'managerStatus':
        peer.post({
          type: 'managerStatus',
          id: request.id,
          mode: this.#parts.mode(),
          scheduler: this.#parts.scheduler.name,
          ...this.#parts.about(),
        });
        return undefined;
      case 'shutdown':
        peer.post({ type: 'shuttingDown', id: request.id, pid: this.#parts.about().pid });
        this.#parts.onShutdown('a client asked for it');
        return undefined;
      default:
        request satisfies never;
        throw new WrError(
          'BAD_PROTOCOL',
          `a request of type ${String((request as { type: unknown }).type)} is unknown`,
        );
    }
  }

  #refuseWhenStopping(): void {
    if (this.#parts.mode() === 'stopping') throw new WrError('STOPPING', 'the manager is stopping');
  }

  #fail(peer: Peer, request: Request, thrown: unknown): void {
    const error = asWrError(thrown);
    if (error.code === 'INTERNAL') {
      this.#parts.log.error('a request failed', {
        type: request.type,
        error: error.message,
        stack: stackOf(thrown),
      });
    }
    const id = 'id' in request ? request.id : 0;
    const retryable = error.code === 'RECOVERING' || error.code === 'STOPPING';
    peer.post({ type: 'error', id, code: error.code, message: error.message, retryable });
  }
}

function isAnsweredAlways(request: Request): boolean {
  return request.type === 'ping' || request.type === 'managerStatus' || request.type === 'shutdown';
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? '') : '';
}
