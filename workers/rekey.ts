/** Which keys jobs would have after a change, and which of these are taken by complete jobs: for `wr mod`. */
import { jobKey, KEY_BYTES } from '../core/identity.ts';
import type { JobOptions } from '../core/job-options.ts';
import { type ModChanges, modified } from '../core/modification.ts';
import { readCompleteKey } from '../store/layout.ts';
import type { JobReader } from './job-reader.ts';

export interface RekeyTask {
  /** Ascending. */
  readonly numbers: Uint32Array;
  readonly changes: ModChanges;
}

export interface RekeyResult {
  /** 16 bytes a job. */
  readonly keys: Uint8Array;
  /** By job: 1 when a complete job that has left memory has that key, and the job itself another one. */
  readonly taken: Uint8Array;
}

export function rekeyJobs({ numbers, changes }: RekeyTask, reader: JobReader): RekeyResult {
  const keys = new Uint8Array(numbers.length * KEY_BYTES);
  const taken = new Uint8Array(numbers.length);
  const templates = new Map<number, JobOptions>();
  const hasHistory = reader.store.count('keys') > 0;
  numbers.forEach((number, i) => {
    const entry = reader.locate(number);
    if (entry === undefined) return;
    const segment = reader.segment(entry.segment);
    const at = number - entry.first;
    const id = segment.templateId(at);
    let options = templates.get(id);
    if (options === undefined) {
      options = modified(reader.template(id) as JobOptions, changes);
      templates.set(id, options);
    }
    const own = options.cwdMatters ? segment.delta(at) : null;
    const cwd = changes.options.cwd ?? own?.cwd ?? options.cwd;
    const key = jobKey(changes.cmd ?? segment.command(at), { ...options, cwd });
    keys.set(key, i * KEY_BYTES);
    if (hasHistory && !isSame(key, segment.key(at)) && readCompleteKey(reader.store, key) !== undefined)
      taken[i] = 1;
  });
  return { keys, taken };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
