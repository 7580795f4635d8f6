/**
 * What the jobs of many adds share: templates and captured environments, stored once per content. New ones go to disk with
 * the first jobs that need them, and with every further batch until one of these is known to be there.
 */
import { createHash } from 'node:crypto';
import type { JobQueue } from '../core/job-queue.ts';
import { parseTemplate } from '../core/template.ts';
import type { Template } from '../core/templates.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import { environmentWrite, readEnvironment, repGroupWrite, templateWrite } from '../store/layout.ts';
import { type Clock, Slices } from './clock.ts';

interface Unsaved {
  readonly write: Write;
  /** Of a template. */
  readonly repGroup: number | null;
}

export class SharedContent {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #unsaved = new Map<string, Unsaved>();
  /** Of `#unsaved`, those of environments. */
  readonly #environments = new Set<string>();

  constructor(queue: JobQueue, store: KeyValueStore, clock: Clock) {
    this.#clock = clock;
    this.#queue = queue;
    this.#store = store;
  }

  /** The template of a canonical text, made now if it is new. */
  template(json: string): Template {
    const { templates } = this.#queue;
    const known = templates.find(json);
    if (known !== undefined) return known;
    const template = templates.add(json, parseTemplate(json));
    const { id, repGroup } = template;
    this.#unsaved.set(`template ${id}`, { write: templateWrite(id, json), repGroup });
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
      const write = environmentWrite(envId, new Uint8Array(env));
      this.#unsaved.set(`environment ${envId}`, { write, repGroup: null });
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
      writes: [...taken.map(([, { write }]) => write), ...this.#repGroups(taken)],
      saved: () => {
        for (const [name] of taken) {
          this.#unsaved.delete(name);
          this.#environments.delete(name);
        }
      },
    };
  }

  /** What a template names is on disk with it, under the id that all else knows it by. */
  #repGroups(taken: readonly (readonly [string, Unsaved])[]): Write[] {
    const ids = new Set<number>();
    for (const [, { repGroup }] of taken) if (repGroup !== null) ids.add(repGroup);
    return Array.from(ids, (id) => repGroupWrite(id, this.#queue.repGroups.save(id)));
  }

  #needed(templates: readonly Template[]): [string, Unsaved][] {
    const needed: [string, Unsaved][] = [];
    const take = (name: string): void => {
      const unsaved = this.#unsaved.get(name);
      if (unsaved !== undefined) needed.push([name, unsaved]);
    };
    for (const { id } of templates) take(`template ${id}`);
    for (const name of this.#environments) take(name);
    return needed;
  }
}
