/**
 * Checks each request and takes it to the part of the manager that answers it, and tells the peer what went wrong with it.
 *
 * What comes while the manager recovers is answered afterwards; whatever is wrong with a request ends that one, never the
 * manager.
 */
import { type CheckedRequest, checkRequest } from '../core/check-message.ts';
import type { ManagerStatusReply } from '../core/client-replies.ts';
import { decodeFrame } from '../core/codec.ts';
import { asWrError, WrError } from '../core/errors.ts';
import { isCount } from '../core/message-values.ts';
import type { Adds } from './adds.ts';
import type { Backups } from './backups.ts';
import type { Changes } from './changes.ts';
import { errorReply } from './error-reply.ts';
import type { Explaining } from './explaining.ts';
import type { Limits } from './limits.ts';
import type { Listings } from './listings.ts';
import type { Log } from './log.ts';
import { logFailure } from './log-failure.ts';
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

/** What may wait for the end of recovery: who sends more is told to ask again. */
const EARLY_REQUESTS_MAX = 65_536;
const EARLY_BYTES_MAX = 256 * 1024 * 1024;

export class Requests {
  readonly #parts: RequestParts;
  /** Requests that came during recovery: they are answered after it, if whoever asked is still there. */
  #early: { readonly peer: Peer; readonly request: CheckedRequest }[] = [];
  /** Of the frames that hold them. */
  #earlyBytes = 0;
  /** Peers that sent too much too early: what they said after that must not be taken for what they said first. */
  readonly #turnedAway = new Set<Peer>();

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /** A frame of a peer. Whatever is wrong with it ends that request, never the manager. */
  receive(peer: Peer, frame: Uint8Array): void {
    let messages: readonly { readonly type: string }[];
    try {
      messages = decodeFrame(frame);
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
    if (this.#parts.mode() === 'recovering') this.#earlyBytes += frame.byteLength;
    // Then its bytes are nobody else's.
    const isSole = messages.length === 1;
    for (const message of messages) {
      try {
        this.#handle(peer, checkRequest(message), isSole);
      } catch (error) {
        this.#fail(peer, message, error);
      }
    }
  }

  /** Recovery is over: answers what came meanwhile. */
  answerEarly(): void {
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#turnedAway.clear();
    for (const { peer, request } of early) {
      // Who has gone meanwhile was never known here: nobody would let go of what is begun for it now.
      if (peer.open) this.#handle(peer, request);
    }
  }

  /** @param isSole - the request came in a frame of its own */
  #handle(peer: Peer, request: CheckedRequest, isSole = false): void {
    try {
      if (this.#parts.mode() === 'recovering' && !isAnsweredAlways(request)) {
        this.#keep(peer, request);
        return;
      }
      const answered = this.#answer(peer, request, isSole);
      answered?.catch((error: unknown) => this.#fail(peer, request, error));
    } catch (error) {
      this.#fail(peer, request, error);
    }
  }

  #keep(peer: Peer, request: CheckedRequest): void {
    if (this.#early.length >= EARLY_REQUESTS_MAX || this.#earlyBytes > EARLY_BYTES_MAX)
      this.#turnedAway.add(peer);
    if (this.#turnedAway.has(peer))
      throw new WrError('RECOVERING', 'the manager is recovering prior state, and much waits for that');
    this.#early.push({ peer, request });
  }

  #answer(peer: Peer, request: CheckedRequest, isSole: boolean): Promise<void> | undefined {
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
        this.#parts.adds().frame(peer, request, isSole);
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

  #fail(peer: Peer, request: { readonly type: string }, thrown: unknown): void {
    const error = asWrError(thrown);
    logFailure(this.#parts.log, request.type, thrown);
    const id = 'id' in request && isCount(request.id) ? (request.id as number) : 0;
    peer.post(errorReply(id, error));
  }
}

function isAnsweredAlways(request: CheckedRequest): boolean {
  return request.type === 'ping' || request.type === 'managerStatus' || request.type === 'shutdown';
}
