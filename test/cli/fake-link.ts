import type { Context } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/command-table.ts';
import { makeLog } from '../../cli/log.ts';
import type { Ask, AskOptions, ManagerLink, Tell } from '../../cli/manager-link.ts';
import type { Config } from '../../core/config.ts';
import { resolveConfig } from '../../core/config.ts';
import type { Reply, Request } from '../../core/protocol.ts';

/** A request that is answered. */
export type Question = Extract<Request, { readonly id: number }>;
export type Answer = (request: Question, link: FakeLink, options: AskOptions) => Reply | Promise<Reply>;

/** A manager of a few lines: every question is recorded and answered by a function. */
export class FakeLink implements ManagerLink {
  open = true;
  bufferedBytes = 0;
  onPush: ((message: Reply) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  readonly asked: Question[] = [];
  readonly told: Tell[] = [];
  readonly #answer: Answer;
  /** Called for each message that has no answer of its own. */
  onTell: ((message: Tell) => void) | undefined;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  async ask(ask: Ask, options: AskOptions = {}): Promise<Reply> {
    const request = { ...ask, id: this.asked.length + 1 } as Question;
    this.asked.push(request);
    return this.#answer(request, this, options);
  }

  askAll(requests: readonly Ask[], options?: AskOptions): readonly Promise<Reply>[] {
    return requests.map((request) => this.ask(request, options));
  }

  tell(messages: Tell | readonly Tell[]): void {
    for (const message of Array.isArray(messages) ? (messages as readonly Tell[]) : [messages as Tell]) {
      // A frame's bytes are only valid now.
      this.told.push(message.type === 'addFrame' ? { ...message, bytes: message.bytes.slice() } : message);
      this.onTell?.(message);
    }
  }

  push(message: Reply): void {
    this.onPush?.(message);
  }

  close(): void {
    this.open = false;
  }
}

export function never(): Promise<never> {
  return new Promise(() => undefined);
}

export interface FakeContext extends Context {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function testConfig(): Promise<Config> {
  return resolveConfig({
    cwd: '/',
    home: '/home/ann',
    uid: 1000,
    env: {},
    readText: () => null,
    exists: () => false,
  });
}

/** The world of a subcommand, with what it printed. */
export function fakeContext(
  link: ManagerLink | (() => ManagerLink),
  more: Partial<Context> = {},
): FakeContext {
  let stdout = '';
  let stderr = '';
  return {
    env: {},
    cwd: '/home/ann/work',
    commands: COMMANDS,
    log: makeLog({
      write: (line) => {
        stderr += line;
      },
      colour: false,
      now: () => new Date(2026, 10, 23, 7, 47, 8),
    }),
    terminal: false,
    outTerminal: false,
    columns: 200,
    out: async (data) => {
      stdout += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
    },
    err: (data) => {
      stderr += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
    },
    config: testConfig,
    connect: async () => ({ link: typeof link === 'function' ? link() : link, host: '127.0.0.1', port: 1 }),
    stdout: () => stdout,
    stderr: () => stderr,
    ...more,
  };
}
