/**
 * Templates in memory: those of jobs that have a row, of adds and changes under way, and some that were used lately, so that
 * the next add of the same finds them. Others are read back from disk when they are asked for.
 *
 * A template that no job uses is dropped once enough others were used after it, and everything has ended that was under way
 * when it was last used: whoever holds a template is sure of it until then.
 */
import type { Cohort, Cohorts } from './cohorts.ts';
import { WrError } from './errors.ts';
import type { JobOptions } from './job-options.ts';
import type { RepGroups } from './rep-groups.ts';
import type { SchedulerGroup } from './scheduler-groups.ts';
import { parseTemplate } from './template.ts';
import type { Uses } from './uses.ts';

/** A template as the queue uses it. */
export interface Template {
  readonly id: number;
  /** Its canonical text. */
  readonly json: string;
  readonly options: JobOptions;
  readonly repGroup: number;
  /** Of its jobs that have not grown. */
  readonly cohort: Cohort;
  /** Where these are served now. */
  readonly schedulerGroup: SchedulerGroup;
}

interface Entry extends Template {
  /** Its jobs in memory. */
  rows: number;
  /** When it was last asked for, in uses of any. */
  usedAt: number;
}

/** Templates without jobs that stay in memory: 6 kB each with all that belongs to them. */
const UNUSED_MAX = 256;

export class Templates {
  readonly #cohorts: Cohorts;
  readonly #repGroups: RepGroups;
  readonly #byId = new Map<number, Entry>();
  readonly #byText = new Map<string, Entry>();
  /** Without jobs, the one that was used longest ago first. */
  readonly #unused = new Set<Entry>();
  readonly #uses: Uses;
  #nextId = 0;
  /** What the disk has of a template. */
  source: (id: number) => string | undefined = () => undefined;

  constructor(cohorts: Cohorts, repGroups: RepGroups, uses: Uses) {
    this.#uses = uses;
    this.#cohorts = cohorts;
    this.#repGroups = repGroups;
  }

  /** In memory. */
  get size(): number {
    return this.#byId.size;
  }

  /** More are kept without jobs than need be. */
  get isFull(): boolean {
    return this.#unused.size > UNUSED_MAX;
  }

  /** At start: ids below this are on disk. */
  startAt(id: number): void {
    this.#nextId = id;
  }

  find(json: string): Template | undefined {
    const known = this.#byText.get(json);
    if (known !== undefined) this.#used(known);
    return known;
  }

  /** Takes in a template under the next id. */
  add(json: string, options: JobOptions): Template {
    const id = this.#nextId;
    this.#nextId += 1;
    return this.#put(id, json, options);
  }

  /** @throws {WrError} INTERNAL when there is none */
  get(id: number): Template {
    return this.#byId.get(id) ?? this.#fromDisk(id);
  }

  /** Rows of these have come into memory. */
  retain(id: number, rows: number): void {
    const entry = this.get(id) as Entry;
    if (entry.rows === 0) this.#unused.delete(entry);
    entry.rows += rows;
  }

  /** Rows of these have left memory, or have another template now. */
  release(id: number, rows: number): void {
    const entry = this.get(id) as Entry;
    entry.rows -= rows;
    if (entry.rows === 0) this.#used(entry);
  }

  /** By id, how many rows each has: for the invariants. */
  *rows(): Iterable<readonly [id: number, rows: number]> {
    for (const { id, rows } of this.#byId.values()) yield [id, rows];
  }

  /** Drops up to `max` that nobody needs, but for the `keep` used last. @returns how many */
  trim(max: number, keep = UNUSED_MAX): number {
    const oldest = this.#uses.oldest();
    let dropped = 0;
    for (const entry of this.#unused) {
      if (dropped === max || this.#unused.size <= keep || entry.usedAt >= oldest) break;
      this.#unused.delete(entry);
      this.#byId.delete(entry.id);
      if (this.#byText.get(entry.json) === entry) this.#byText.delete(entry.json);
      this.#cohorts.release(entry.cohort);
      dropped += 1;
    }
    return dropped;
  }

  #fromDisk(id: number): Entry {
    const json = this.source(id);
    if (json === undefined) throw new WrError('INTERNAL', `template ${id} is unknown`);
    return this.#put(id, json, parseTemplate(json));
  }

  #put(id: number, json: string, options: JobOptions): Entry {
    const cohort = this.#cohorts.intern(options);
    this.#cohorts.retain(cohort);
    const entry: Entry = {
      id,
      json,
      options,
      repGroup: this.#repGroups.intern(options.repGroup),
      cohort,
      get schedulerGroup() {
        return cohort.group;
      },
      rows: 0,
      usedAt: 0,
    };
    this.#byId.set(id, entry);
    this.#byText.set(json, entry);
    this.#used(entry);
    return entry;
  }

  #used(entry: Entry): void {
    entry.usedAt = this.#uses.next();
    if (entry.rows > 0) return;
    this.#unused.delete(entry);
    this.#unused.add(entry);
  }
}
