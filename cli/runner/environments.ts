/** Environments captured with commands, each fetched once. */
import { WrError } from '../../core/errors.ts';
import type { ManagerLink } from '../manager-link.ts';
import { type Environment, type NestedUse, parseEnvironment, withNestedUse } from './environment.ts';
import { unexpected } from './session.ts';

/** Kept at once; beyond it all are dropped, and those still needed are fetched again. */
const ENVIRONMENTS_MAX = 64;

export class Environments {
  readonly #nested: NestedUse;
  readonly #own: Environment;
  readonly #known = new Map<string, Environment | null>();
  readonly #fetching = new Set<string>();

  /** @param own - the runner's, which stands for none captured */
  constructor(own: Environment, nested: NestedUse) {
    this.#nested = nested;
    this.#own = withNestedUse(own, nested);
  }

  /** @returns `undefined`: not fetched yet; `null`: the manager does not know it */
  get(envId: string): Environment | null | undefined {
    return envId === '' ? this.#own : this.#known.get(envId);
  }

  /**
   * One environment, over a connection of its own.
   * @throws {WrError} what the manager or the connection says, or that nobody knows it any more
   */
  async ask(connect: () => Promise<ManagerLink>, envId: string): Promise<Environment> {
    let environment = this.get(envId);
    if (environment === undefined) {
      const link = await connect();
      try {
        await this.fetch(link, envId);
        environment = this.get(envId);
      } finally {
        link.close();
      }
    }
    if (environment == null) throw new WrError('INTERNAL', `the environment ${envId} is not known any more`);
    return environment;
  }

  /**
   * @returns false when it is being fetched already
   * @throws {WrError} what the manager or the connection says
   */
  async fetch(link: ManagerLink, envId: string): Promise<boolean> {
    if (this.#fetching.has(envId)) return false;
    this.#fetching.add(envId);
    try {
      const reply = await link.ask({ type: 'env', envId });
      if (reply.type !== 'env') throw unexpected(reply);
      if (this.#known.size >= ENVIRONMENTS_MAX) this.#known.clear();
      const { env } = reply;
      this.#known.set(envId, env === null ? null : withNestedUse(parseEnvironment(env), this.#nested));
      return true;
    } finally {
      this.#fetching.delete(envId);
    }
  }
}
