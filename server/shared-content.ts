/**
 * What the jobs of many adds share: templates and captured environments, stored once per content. New ones go to disk with
 * the first jobs that need them, and with every further batch until one of these is known to be there.
 */
import { createHash } from 'node:crypto';
import type { JobQueue } from '../core/job-queue.ts';
import type { Template } from '../core/job-states.ts';
import { parseTemplate } from '../core/template.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import { environmentWrite, readEnvironment, templateWrite } from '../store/layout.ts';
import { type Clock, Slices } from './clock.ts';

export class SharedContent {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #unsaved = new Map<string, Write>();
  /** Of `#unsaved`, those of environments. */
  readonly #environments = new Set<string>();

  constructor(queue: JobQueue, store: KeyValueStore, clock: Clock) {
    this.#clock = clock;
    this.#queue = queue;
    this.#store = store;
  }

  /** The template of a canonical text, made now if it is new. */
  template(json: string): Template {
    const known = this.#queue.templateId(json);
    if (known !== undefined) return this.#queue.template(known);
    const template = this.#queue.addTemplate(json, parseTemplate(json));
    this.#unsaved.set(`template ${template.id}`, templateWrite(template.id, json));
    return template;
  }

  /** Makes the templates of a frame that are new, before they are asked for: a frame may have thousands. */
  async intern(jsons: readonly string[]): Promise<void> {
    const slices = new Slices(this.#clock);
    for (const json of jsons) {
      this.template(json);
      await slices.pause();
    }
  }

  /** @returns the id of an environment: the MD5 of its content; '' without one */
  environment(env: Uint8Array | undefined): string {
    if (env === undefined) return '';
    const envId = createHash('md5').update(env).digest('hex');
    if (readEnvironment(this.#store, envId) === undefined) {
      // A copy: the bytes are a view of the frame they came in.
      this.#environments.add(`environment ${envId}`);
      this.#unsaved.set(`environment ${envId}`, environmentWrite(envId, new Uint8Array(env)));
    }
    return envId;
  }

  /**
   * Writes that must go with the next batch; `saved` is to be called when that batch is on disk.
   * @param templates - those that the batch needs, beside all environments; without it, all there are
   */
  take(templates?: readonly Template[]): { readonly writes: readonly Write[]; readonly saved: () => void } {
    const taken = templates === undefined ? [...this.#unsaved] : this.#needed(templates);
    return {
      writes: taken.map(([, write]) => write),
      saved: () => {
        for (const [name] of taken) {
          this.#unsaved.delete(name);
          this.#environments.delete(name);
        }
      },
    };
  }

  #needed(templates: readonly Template[]): [string, Write][] {
    const needed: [string, Write][] = [];
    const take = (name: string): void => {
      const write = this.#unsaved.get(name);
      if (write !== undefined) needed.push([name, write]);
    };
    for (const { id } of templates) take(`template ${id}`);
    for (const name of this.#environments) take(name);
    return needed;
  }
}
