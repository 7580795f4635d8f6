/** Gathers what jobs wait for and belong to into {@link NamedLinks}, job by job in order. */
import { type NamedLinks, RUN } from './dependency-links.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { GrowingWords } from './growing-words.ts';
import { hexToKey } from './identity.ts';
import type { CommandDependency, JobOptions } from './job-options.ts';
import { DIGEST_WORDS, Md5Text } from './md5.ts';
import { NamedHashes } from './named-hashes.ts';

export type DependencyOptions = Pick<JobOptions, 'depGroups' | 'deps' | 'cmdDeps'>;

const DOT = 0x2e;

/** Runs that grow at their end while the jobs that share a link follow each other. */
class Runs {
  readonly #words = new GrowingWords();
  /** By what they share: where its last run stands, and one. */
  readonly #last = new GrowingWords();

  add(job: number, count: number, shared: number): void {
    const { words } = this.#words;
    if (shared >= this.#last.length) this.#last.extend(shared + 1 - this.#last.length);
    const last = (this.#last.words[shared] as number) - 1;
    if (last >= 0) {
      const end = (words[last] as number) + (words[last + 1] as number);
      if (end > job) return; // Named twice.
      if (end === job) {
        words[last + 1] = (words[last + 1] as number) + count;
        return;
      }
    }
    const at = this.#words.extend(RUN);
    this.#last.words[shared] = at + 1;
    this.#words.words[at] = job;
    this.#words.words[at + 1] = count;
    this.#words.words[at + 2] = shared;
  }

  take(): Uint32Array<ArrayBuffer> {
    return this.#words.take();
  }

  get size(): number {
    return this.#words.length / RUN;
  }
}

/** Names by the index of their group, as UTF-8. */
class Names {
  readonly #text = new GrowingBytes();
  /** By index: where the name begins and ends; 0 and 0: it is not told. */
  readonly #spans = new GrowingWords();

  has(group: number): boolean {
    return (this.#spans.words[2 * group + 1] ?? 0) > 0;
  }

  setText(group: number, name: string): void {
    const from = this.#text.length;
    this.#text.appendText(name.includes('\0') ? name.replaceAll('\0', '?') : name);
    this.#note(group, from);
  }

  set(group: number, bytes: Uint8Array, from: number, to: number): void {
    const at = this.#text.length;
    this.#text.append(bytes, from, to);
    this.#note(group, at);
  }

  /** NUL-separated. @param count - of groups */
  take(count: number): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#text.length + Math.max(0, count - 1));
    const { words } = this.#spans;
    let to = 0;
    for (let group = 0; group < count; group += 1) {
      if (group > 0) to += 1;
      const end = words[2 * group + 1] ?? 0;
      for (let at = words[2 * group] ?? 0; at < end; at += 1) joined[to++] = this.#text.bytes[at] as number;
    }
    return joined;
  }

  #note(group: number, from: number): void {
    if (2 * group >= this.#spans.length) this.#spans.extend(2 * group + 2 - this.#spans.length);
    this.#spans.words[2 * group] = from;
    this.#spans.words[2 * group + 1] = this.#text.length;
  }
}

export class LinkBuilder {
  /** What stands after the command in identities of jobs with mounts or in containers, which a plain name means too. */
  readonly #frames: readonly string[];
  readonly #groups = new NamedHashes();
  readonly #names = new Names();
  readonly #keys = new GrowingWords();
  /** By key. */
  readonly #near = new GrowingWords();
  readonly #identity = new Md5Text();
  readonly #key = new Uint32Array(DIGEST_WORDS);
  readonly #members = new Runs();
  readonly #waits = new Runs();
  readonly #singles = new Runs();

  constructor(frames: readonly string[] = []) {
    this.#frames = frames;
  }

  /** A plain name means a single identity. */
  get hasFrames(): boolean {
    return this.#frames.length > 0;
  }

  /** Jobs `job`…, `count` of them, have these options. */
  add(job: number, count: number, { depGroups, deps, cmdDeps }: DependencyOptions): void {
    for (const name of depGroups) this.#members.add(job, count, this.#groups.indexOfText(name));
    for (const name of deps) this.#waitForGroup(job, count, name);
    for (const dependency of cmdDeps) this.waitFor(job, count, dependency);
  }

  /** A job is a member of the group whose name stands in these bytes, which must not change until `take`. */
  addMember(job: number, bytes: Uint8Array, from: number, to: number): void {
    this.#members.add(job, 1, this.#groups.indexOfName(bytes, from, to));
  }

  /** A job waits for the group whose name stands in these bytes, which hold no NUL and must not change until `take`. */
  addWait(job: number, bytes: Uint8Array, from: number, to: number): void {
    const group = this.#groups.indexOfName(bytes, from, to);
    if (!this.#names.has(group)) this.#names.set(group, bytes, from, to);
    this.#waits.add(job, 1, group);
  }

  /**
   * A job waits for the one whose key is the four words from `at` on.
   * @param near - that one's place among these jobs, and one, where it is known; else 0
   */
  addParent(job: number, count: number, keys: Uint32Array, at: number, near = 0): void {
    // Looked up among the last one only: jobs that share one follow each other, and the others have a key each.
    const last = this.#keys.length - DIGEST_WORDS;
    if (last < 0 || !isSameKey(this.#keys.words, last, keys, at)) {
      const to = this.#keys.extend(DIGEST_WORDS);
      for (let i = 0; i < DIGEST_WORDS; i += 1) this.#keys.words[to + i] = keys[at + i] as number;
      this.#near.push(near);
    }
    this.#singles.add(job, count, this.#keys.length / DIGEST_WORDS - 1);
  }

  /** `null`: there are none. */
  take(): NamedLinks | null {
    if (this.#members.size + this.#waits.size + this.#singles.size === 0) return null;
    return {
      groups: this.#groups.take(),
      members: this.#members.take(),
      waits: this.#waits.take(),
      singles: this.#singles.take(),
      keys: this.#keys.take(),
      near: this.#near.take(),
      names: this.#waits.size === 0 ? new Uint8Array(0) : this.#names.take(this.#groups.size),
    };
  }

  /** The same by hashes, each 16 characters. */
  addHashes(job: number, members: readonly string[], waits: readonly string[]): void {
    for (const hash of members) this.#members.add(job, 1, this.#groups.indexOf(wordsOf(hash), 0));
    for (const hash of waits) this.#waits.add(job, 1, this.#groups.indexOf(wordsOf(hash), 0));
  }

  waitFor(job: number, count: number, dependency: CommandDependency): void {
    if ('depGroup' in dependency) this.#waitForGroup(job, count, dependency.depGroup);
    else if ('jobKey' in dependency) {
      const key = hexToKey(dependency.jobKey);
      if (key !== null) this.addParent(job, count, new Uint32Array(new Uint8Array(key).buffer), 0);
    } else {
      const { cmd, cwd } = dependency;
      const named = cwd === '' ? cmd : `${cwd}.${cmd}`;
      this.#identity.appendText(named);
      this.#identity.appendByte(DOT);
      this.#waitForIdentity(job, count);
      for (const frame of this.#frames) {
        this.#identity.appendText(named + frame);
        this.#waitForIdentity(job, count);
      }
    }
  }

  #waitForIdentity(job: number, count: number): void {
    this.#identity.take(this.#key, 0);
    this.addParent(job, count, this.#key, 0);
  }

  #waitForGroup(job: number, count: number, name: string): void {
    const group = this.#groups.indexOfText(name);
    if (!this.#names.has(group)) this.#names.setText(group, name);
    this.#waits.add(job, count, group);
  }
}

function isSameKey(words: Uint32Array, at: number, others: Uint32Array, from: number): boolean {
  for (let i = 0; i < DIGEST_WORDS; i += 1) if (words[at + i] !== others[from + i]) return false;
  return true;
}

/** A text of 16 characters, each a byte, as words. */
function wordsOf(text: string): Uint32Array {
  return new Uint32Array(new Uint8Array(Buffer.from(text, 'latin1')).buffer);
}
