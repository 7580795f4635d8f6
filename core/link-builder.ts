/** Gathers what jobs wait for and belong to into {@link NamedLinks}, job by job in order. */
import { hash } from 'node:crypto';
import { groupHash, type NamedLinks, RUN } from './dependency-links.ts';
import { hexToKey } from './identity.ts';
import type { CommandDependency, JobOptions } from './job-options.ts';

export type DependencyOptions = Pick<JobOptions, 'depGroups' | 'deps' | 'cmdDeps'>;

/** Runs that grow at their end while the jobs that share a link follow each other. */
class Runs {
  readonly #words: number[] = [];
  /** By what they share: where its last run stands, and one. */
  readonly #last: number[] = [];

  add(job: number, count: number, shared: number): void {
    const last = (this.#last[shared] ?? 0) - 1;
    if (last >= 0) {
      const end = (this.#words[last] as number) + (this.#words[last + 1] as number);
      if (end > job) return; // Named twice.
      if (end === job) {
        this.#words[last + 1] = (this.#words[last + 1] as number) + count;
        return;
      }
    }
    this.#last[shared] = this.#words.length + 1;
    this.#words.push(job, count, shared);
  }

  take(): Uint32Array {
    return Uint32Array.from(this.#words);
  }

  get size(): number {
    return this.#words.length / RUN;
  }
}

export class LinkBuilder {
  /** What stands after the command in identities of jobs with mounts or in containers, which a plain name means too. */
  readonly #frames: readonly string[];
  readonly #groups = new Map<string, number>();
  readonly #hashes: string[] = [];
  readonly #names: string[] = [];
  readonly #keys: string[] = [];
  /** The last job's own: in a chain, what the next one waits for. */
  #lastIdentity = '';
  #lastKey = '';
  readonly #members = new Runs();
  readonly #waits = new Runs();
  readonly #singles = new Runs();

  constructor(frames: readonly string[] = []) {
    this.#frames = frames;
  }

  /** Jobs `job`…, `count` of them, have these options. */
  add(job: number, count: number, { depGroups, deps, cmdDeps }: DependencyOptions): void {
    for (const name of depGroups) this.#members.add(job, count, this.#group(name));
    for (const name of deps) this.#waitForGroup(job, count, name);
    for (const dependency of cmdDeps) this.#waitFor(job, count, dependency);
  }

  /** A job's identity string and its key, which need not be hashed again. */
  remember(identity: string, key: string): void {
    this.#lastIdentity = identity;
    this.#lastKey = key;
  }

  /** `null`: there are none. */
  take(): NamedLinks | null {
    if (this.#members.size + this.#waits.size + this.#singles.size === 0) return null;
    return {
      groups: asWords(this.#hashes),
      members: this.#members.take(),
      waits: this.#waits.take(),
      singles: this.#singles.take(),
      keys: asWords(this.#keys),
      names: this.#waits.size === 0 ? '' : this.#names.join('\0'),
    };
  }

  /** The same by hashes, each 16 characters. */
  addHashes(job: number, members: readonly string[], waits: readonly string[]): void {
    for (const hash of members) this.#members.add(job, 1, this.#hashed(hash, hash));
    for (const hash of waits) this.#waits.add(job, 1, this.#hashed(hash, hash));
  }

  #waitFor(job: number, count: number, dependency: CommandDependency): void {
    if ('depGroup' in dependency) this.#waitForGroup(job, count, dependency.depGroup);
    else if ('jobKey' in dependency) {
      const key = hexToKey(dependency.jobKey);
      if (key !== null) this.#waitForKey(job, count, Buffer.from(key).toString('latin1'));
    } else {
      const { cmd, cwd } = dependency;
      const named = cwd === '' ? cmd : `${cwd}.${cmd}`;
      const plain = `${named}.`;
      const isLast = plain === this.#lastIdentity;
      this.#waitForKey(job, count, isLast ? this.#lastKey : hash('md5', plain, 'binary'));
      for (const frame of this.#frames) this.#waitForKey(job, count, hash('md5', named + frame, 'binary'));
    }
  }

  #waitForGroup(job: number, count: number, name: string): void {
    const group = this.#group(name);
    this.#names[group] = name.includes('\0') ? name.replaceAll('\0', '?') : name;
    this.#waits.add(job, count, group);
  }

  #waitForKey(job: number, count: number, key: string): void {
    // Looked up among the last one only: jobs that share one follow each other, and the others have a key each.
    if (this.#keys.at(-1) !== key) this.#keys.push(key);
    this.#singles.add(job, count, this.#keys.length - 1);
  }

  #group(name: string): number {
    return this.#groups.get(name) ?? this.#hashed(name, groupHash(name));
  }

  #hashed(known: string, hash: string): number {
    const group = this.#groups.get(known);
    if (group !== undefined) return group;
    const index = this.#hashes.length;
    this.#groups.set(known, index);
    this.#hashes.push(hash);
    this.#names.push('');
    return index;
  }
}

/** Texts of 16 characters, each a byte, as words. */
function asWords(texts: readonly string[]): Uint32Array {
  const bytes = new Uint8Array(texts.length * 16);
  Buffer.from(bytes.buffer).write(texts.join(''), 'latin1');
  return new Uint32Array(bytes.buffer);
}
