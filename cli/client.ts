/**
 * The client library: finding the manager, and the questions that commands ask it (spec: cli.md §1.5).
 *
 * The connection itself is `connection.ts`; commands see it as a {@link ManagerLink}.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type {
  ChangedReply,
  CountsReply,
  ExplainedReply,
  GroupSummary,
  JsonPageReply,
  LimitsReply,
  LiveReply,
  ManagerStatusReply,
  PageReply,
  PlainPageReply,
  SettledReply,
  ShuttingDownReply,
  SummaryReply,
} from '../core/client-replies.ts';
import type { StatusRequest } from '../core/client-requests.ts';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import { withLive } from '../core/live-job.ts';
import type { ModChanges } from '../core/modification.ts';
import type { Reply } from '../core/protocol.ts';
import type { BackedUpReply, SteeredReply, SteerRequest } from '../core/protocol-control.ts';
import type { Selector } from '../core/selector.ts';
import type { Connected, ConnectOptions } from './command.ts';
import { isOwnHost } from './locality.ts';
import type { Log } from './log.ts';
import type { Ask, AskOptions, ManagerLink } from './manager-link.ts';

export const TIMEOUT_MS = 120_000;
/** Left for the configured address, when the one that was stored took all the time. */
const CONNECT_MS_MIN = 5_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Connects to the manager of a deployment: at the address it left beside the token, else at the configured one.
 * @throws {WrError} NO_TOKEN, NO_MANAGER, BAD_TOKEN, BAD_CERTIFICATE, BAD_PROTOCOL, TIMED_OUT
 */
export async function connect(
  config: Config,
  log: Log,
  { timeoutMs = TIMEOUT_MS, quiet = false }: ConnectOptions = {},
): Promise<Connected> {
  const token = readToken(config.tokenFile);
  const { connectManager } = await loadConnection();
  const configured = { host: config.managerHost, port: config.clientPort };
  const untilMs = performance.now() + timeoutMs;
  const connectTo = async ({ host, port }: Address): Promise<Connected> => {
    const { caFile, certDomain: domain } = config;
    const link = await connectManager({
      ...{ host, port, token, caFile, domain, timeoutMs },
      connectMs: Math.min(timeoutMs, Math.max(CONNECT_MS_MIN, untilMs - performance.now())),
    });
    return { link, host, port };
  };
  const stored = readAddress(config.addressFile);
  if (stored === null || isSameAddress(stored, configured)) return connectTo(configured);
  try {
    return await connectTo(stored);
  } catch (thrown) {
    const code = thrown instanceof WrError ? thrown.code : null;
    if (code !== 'NO_MANAGER' && (code !== 'TIMED_OUT' || isSameListener(stored, configured))) throw thrown;
    if (!quiet) {
      log.warn(
        `no manager answers on ${stored.host}:${stored.port}; falling back to ${configured.host}:${configured.port}`,
      );
    }
    return connectTo(configured);
  }
}

/** The frames' codec would also load a native part, which takes longer than it saves in a short life. */
async function loadConnection(): Promise<typeof import('./connection.ts')> {
  const before = process.env[NO_NATIVE];
  process.env[NO_NATIVE] = 'true';
  try {
    return await import('./connection.ts');
  } finally {
    // What is started from here may live longer.
    if (before === undefined) delete process.env[NO_NATIVE];
    else process.env[NO_NATIVE] = before;
  }
}

const NO_NATIVE = 'MSGPACKR_NATIVE_ACCELERATION_DISABLED';

/** @throws {WrError} NO_TOKEN */
export function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : message;
    throw new WrError('NO_TOKEN', `the token file ${path} could not be read: ${why}`, { cause });
  }
}

/** @returns the address that `wr manager start` left, or `null` */
export function readAddress(path: string): Address | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    return null; // Nobody started it from here; the configured address remains.
  }
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  return colon > 0 && Number.isInteger(port) && port > 0 ? { host, port } : null;
}

function isSameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Two names of this machine: who does not answer by the one will not by the other. */
function isSameListener(a: Address, b: Address): boolean {
  return a.port === b.port && isOwnHost(a.host) && isOwnHost(b.host);
}

/** Answers by the `output` that was asked for. */
interface StatusReplies {
  readonly counts: CountsReply;
  readonly summary: SummaryReply;
}

export interface StatusQuery {
  readonly select: Selector;
  readonly states?: StatusRequest['states'];
  readonly missingDeps?: boolean;
  readonly recentMs?: number;
  readonly limit?: number;
  readonly env?: boolean;
  readonly host?: string;
}

/** What commands ask, in one place, each answer checked for being the one expected. */
export class Client {
  readonly #link: ManagerLink;
  readonly #options: AskOptions;

  constructor(link: ManagerLink, timeoutMs: number = TIMEOUT_MS) {
    this.#link = link;
    this.#options = { timeoutMs };
  }

  counts(query: StatusQuery): Promise<StatusReplies['counts']> {
    return this.#ask(statusRequest(query, 'counts'), 'counts');
  }

  /** With the lines of all its parts. */
  async summary(query: StatusQuery): Promise<StatusReplies['summary']> {
    const parts: (readonly GroupSummary[])[] = [];
    const onPart = (reply: Reply): void => void parts.push(expect(reply, 'summaryPart').groups);
    const request = statusRequest(query, 'summary');
    const last = await this.#ask(request, 'summary', { ...this.#options, onPart });
    return { ...last, groups: [...parts, last.groups].flat() };
  }

  /** Hands over each part of a plain listing; the next ones come as parts are taken. */
  plain(query: StatusQuery, take: (page: PlainPageReply) => Promise<void>): Promise<void> {
    return this.#pages(statusRequest(query, 'plain'), 'plainPage', take);
  }

  /** As {@link jobs}, as text that need only be handed on. Without a limit. */
  json(query: Omit<StatusQuery, 'limit'>, take: (page: JsonPageReply) => Promise<void>): Promise<void> {
    return this.#pages(statusRequest(query, 'json'), 'jsonPage', take);
  }

  /** Hands over each part of a listing; the next ones come as parts are taken. */
  jobs(query: StatusQuery, take: (page: PageReply) => Promise<void>): Promise<void> {
    return this.#pages(statusRequest(query, 'jobs'), 'page', take);
  }

  kill(
    select: Selector,
    { confirmDead, ageMs }: { confirmDead: boolean; ageMs: number },
  ): Promise<ChangedReply> {
    return this.#ask({ type: 'kill', requestId: newRequestId(), select, confirmDead, ageMs }, 'changed');
  }

  retry(select: Selector): Promise<ChangedReply> {
    return this.#ask({ type: 'retry', requestId: newRequestId(), select }, 'changed');
  }

  remove(select: Selector, buriedOnly: boolean): Promise<ChangedReply> {
    return this.#ask({ type: 'remove', requestId: newRequestId(), select, buriedOnly }, 'changed');
  }

  /** @param group - '': all that have a limit. @param limit - `null`: only shown; −1: none */
  limits(group: string, limit: number | null): Promise<LimitsReply> {
    return this.#ask({ type: 'limit', group, limit }, 'limits');
  }

  suspend(select: Selector): Promise<ChangedReply> {
    return this.#ask({ type: 'suspend', requestId: newRequestId(), select }, 'changed');
  }

  resume(select: Selector): Promise<ChangedReply> {
    return this.#ask({ type: 'resume', requestId: newRequestId(), select }, 'changed');
  }

  /** @param onPart - told how far it is, and what has changed, as it goes */
  modify(select: Selector, changes: ModChanges, onPart: (part: Reply) => void): Promise<ChangedReply> {
    const request: Ask = { type: 'modify', requestId: newRequestId(), select, changes };
    return this.#ask(request, 'changed', { ...this.#options, onPart });
  }

  steer(to: SteerRequest['to']): Promise<SteeredReply> {
    return this.#ask({ type: 'steer', to }, 'steered');
  }

  /** @param path - absolute, on the manager's host */
  backup(path: string): Promise<BackedUpReply> {
    return this.#ask({ type: 'backup', path }, 'backedUp', { timeoutMs: SETTLE_MS });
  }

  /** Resolves once the job is complete, buried or gone, however long that takes. */
  settle(key: Uint8Array): Promise<SettledReply> {
    return this.#ask({ type: 'settle', key }, 'settled', { timeoutMs: SETTLE_MS });
  }

  explain(key: Uint8Array): Promise<ExplainedReply> {
    return this.#ask({ type: 'explain', key }, 'explained');
  }

  managerStatus(): Promise<ManagerStatusReply> {
    return this.#ask({ type: 'managerStatus' }, 'managerStatus');
  }

  shutdown(): Promise<ShuttingDownReply> {
    return this.#ask({ type: 'shutdown' }, 'shuttingDown');
  }

  async #ask<Type extends Reply['type']>(
    request: Ask,
    type: Type,
    options = this.#options,
  ): Promise<Extract<Reply, { type: Type }>> {
    return expect(await this.#link.ask(request, options), type);
  }

  async #pages<Page extends PageReply | PlainPageReply | JsonPageReply>(
    request: Ask,
    type: Page['type'],
    take: (page: Page) => Promise<void>,
  ): Promise<void> {
    let taken: Promise<void> = Promise.resolve();
    let live: LiveReply['jobs'] = [];
    const handle = (reply: Reply): void => {
      if (reply.type === 'live') {
        live = reply.jobs;
        return;
      }
      const page = joined(expect(reply, type) as Page, live);
      live = [];
      taken = taken.then(async () => {
        await take(page);
        if (!page.last) this.#link.tell({ type: 'more', of: page.id, pages: 1 });
      });
      taken.catch(() => this.#link.close());
    };
    const last = await this.#link
      .ask(request, { ...this.#options, onPart: handle })
      .catch(async (thrown: unknown) => {
        await taken; // What failed while taking a page closed the connection: that is the cause to show.
        throw thrown;
      });
    handle(last);
    await taken;
  }
}

/** A page with what runs now of what is in it. */
function joined<Page extends PageReply | PlainPageReply | JsonPageReply>(
  page: Page,
  live: LiveReply['jobs'],
): Page {
  return page.type !== 'plainPage' ? { ...page, jobs: withLive(page.jobs, live) } : page;
}

/** The longest wait a timer can express: about 24 days. */
const SETTLE_MS = 2 ** 31 - 1;

function statusRequest(query: StatusQuery, output: StatusRequest['output']): Ask {
  const { select, states = [], missingDeps = false, recentMs, limit = 0, env = false, host = '' } = query;
  const more = { ...(missingDeps ? { missingDeps } : {}), ...(recentMs === undefined ? {} : { recentMs }) };
  return { type: 'status', select, output, states, ...more, limit, env, host };
}

/** @throws {WrError} BAD_PROTOCOL */
export function expect<Type extends Reply['type']>(reply: Reply, type: Type): Extract<Reply, { type: Type }> {
  if (reply.type === type) return reply as Extract<Reply, { type: Type }>;
  throw new WrError('BAD_PROTOCOL', `the manager answered with "${reply.type}" where "${type}" was expected`);
}

/** Unique for ever: what names a change, so that saying it twice changes nothing the second time. */
export function newRequestId(): string {
  return randomUUID();
}
