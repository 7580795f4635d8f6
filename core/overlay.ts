/**
 * What became of a segment's jobs since they were packed: users change commands that wait (`wr mod`), a million at a time,
 * and neither is the segment written anew nor has each job a record. A changed job has another template; a bit for each
 * field that jobs may have to themselves says that the template's counts now; keys and commands stand here only where they
 * changed.
 *
 * Stored as runs of consecutive jobs that changed alike.
 */
import { pack, unpack } from 'msgpackr';
import { WrError } from './errors.ts';
import { KEY_BYTES, KEY_WORDS } from './identity.ts';
import { DELTA_FIELDS, type JobDelta, type JobOptions } from './job-options.ts';

/** Below them a bit for each of DELTA_FIELDS. */
const COMMAND = 1 << 14;
const KEY = 1 << 15;
const PRIORITY = 1 << DELTA_FIELDS.indexOf('priority');
const VERSION = 1;

export class Overlay {
  readonly count: number;
  /** Id of the template, plus one; 0: as it was packed. */
  readonly #templates: Uint32Array;
  readonly #bits: Uint16Array;
  #keys: Uint32Array | null = null;
  readonly #commands = new Map<number, Uint8Array>();

  constructor(count: number) {
    this.count = count;
    this.#templates = new Uint32Array(count);
    this.#bits = new Uint16Array(count);
  }

  /** Gives consecutive jobs a template, whose values count for `fields` from now on. */
  setTemplate(at: number, count: number, template: number, fields: number): void {
    this.#templates.fill(template + 1, at, at + count);
    if (fields !== 0)
      for (let job = at; job < at + count; job += 1) this.#bits[job] = (this.#bits[job] as number) | fields;
  }

  /** @param keys - of consecutive jobs from `at` on, four words each */
  setKeys(at: number, keys: Uint32Array): void {
    this.#keys ??= new Uint32Array(this.count * KEY_WORDS);
    this.#keys.set(keys, at * KEY_WORDS);
    const end = at + keys.length / KEY_WORDS;
    for (let job = at; job < end; job += 1) this.#bits[job] = (this.#bits[job] as number) | KEY;
  }

  setCommand(job: number, command: Uint8Array): void {
    this.#commands.set(job, command);
    this.#bits[job] = (this.#bits[job] as number) | COMMAND;
  }

  /** `null`: as it was packed. */
  template(job: number): number | null {
    const template = this.#templates[job] as number;
    return template === 0 ? null : template - 1;
  }

  /** Ids of the templates that changed jobs have. */
  get templateIds(): Iterable<number> {
    const ids = new Set(this.#templates);
    ids.delete(0);
    return Array.from(ids, (id) => id - 1);
  }

  /** `null`: as it was packed. */
  key(job: number): Uint8Array | null {
    if (this.#keys === null || ((this.#bits[job] as number) & KEY) === 0) return null;
    return keyBytes(this.#keys, job, job + 1);
  }

  /** `null`: as it was packed. */
  command(job: number): Uint8Array | null {
    return this.#commands.get(job) ?? null;
  }

  /** Whether the template's priority counts. */
  hasPriority(job: number): boolean {
    return ((this.#bits[job] as number) & PRIORITY) !== 0;
  }

  /** What is left of what a job says itself. */
  delta(job: number, packed: JobDelta | null): JobDelta | null {
    const bits = this.#bits[job] as number;
    if (packed === null || bits === 0) return packed;
    const kept = Object.entries(packed).filter(
      ([field]) => (bits & (1 << DELTA_FIELDS.indexOf(field as keyof JobDelta))) === 0,
    );
    return kept.length === 0 ? null : (Object.fromEntries(kept) as JobDelta);
  }

  /** Whether two jobs changed alike. */
  isLike(a: number, b: number): boolean {
    return this.#templates[a] === this.#templates[b] && this.#bits[a] === this.#bits[b];
  }

  encode(): Uint8Array {
    const runs: number[] = [];
    const keys: Uint8Array[] = [];
    for (let at = 0; at < this.count; ) {
      let end = at + 1;
      while (end < this.count && this.isLike(at, end)) end += 1;
      if (this.#templates[at] !== 0 || this.#bits[at] !== 0) {
        runs.push(at, end - at, this.#templates[at] as number, this.#bits[at] as number);
        if (((this.#bits[at] as number) & KEY) !== 0) keys.push(keyBytes(this.#keys as Uint32Array, at, end));
      }
      at = end;
    }
    return pack([VERSION, this.count, runs, Buffer.concat(keys), [...this.#commands]]);
  }

  /** @throws {WrError} STORE_UNREADABLE, STORE_NEWER */
  static decode(bytes: Uint8Array): Overlay {
    const stored: unknown = unpack(bytes);
    if (!Array.isArray(stored) || typeof stored[0] !== 'number') throw damaged();
    if (stored[0] > VERSION) throw new WrError('STORE_NEWER', `stored changes are of format ${stored[0]}`);
    const [, count, runs, keys, commands] = stored as [
      number,
      number,
      number[],
      Uint8Array,
      [number, Uint8Array][],
    ];
    if (!Array.isArray(runs) || !Array.isArray(commands) || !(keys instanceof Uint8Array)) throw damaged();
    const overlay = new Overlay(count);
    overlay.#fill(runs, keys);
    for (const [job, command] of commands) overlay.#commands.set(job, command);
    return overlay;
  }

  #fill(runs: readonly number[], keys: Uint8Array): void {
    let from = 0;
    for (let i = 0; i < runs.length; i += 4) {
      const [at, count, template, bits] = runs.slice(i, i + 4) as [number, number, number, number];
      if (!(at >= 0 && count > 0 && at + count <= this.count)) throw damaged();
      this.#templates.fill(template, at, at + count);
      this.#bits.fill(bits, at, at + count);
      if ((bits & KEY) === 0) continue;
      this.#keys ??= new Uint32Array(this.count * KEY_WORDS);
      const end = from + count * KEY_BYTES;
      keyBytes(this.#keys, at, at + count).set(keys.subarray(from, end));
      from = end;
    }
    if (from !== keys.length) throw damaged();
  }
}

/** The bytes of some jobs' keys, in place. */
function keyBytes(keys: Uint32Array, from: number, to: number): Uint8Array {
  return new Uint8Array(keys.buffer, from * KEY_BYTES, (to - from) * KEY_BYTES);
}

/** The bits of the fields that jobs may have to themselves and that a change names. */
export function ownFields(options: Partial<JobOptions>): number {
  return DELTA_FIELDS.reduce(
    (bits, field, at) => (options[field] === undefined ? bits : bits | (1 << at)),
    0,
  );
}

function damaged(): WrError {
  return new WrError('STORE_UNREADABLE', 'stored changes of commands are damaged');
}
