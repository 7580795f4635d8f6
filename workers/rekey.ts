/** Which keys jobs would have after a change, and which of these are taken by complete jobs: for `wr mod`. */
import { hash } from 'node:crypto';
import { identityFrame, KEY_BYTES } from '../core/identity.ts';
import type { JobOptions } from '../core/job-options.ts';
import { type ModChanges, modified } from '../core/modification.ts';
import { readCompleteKey } from '../store/history-tables.ts';
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
  const frames = new Map<number, Frame>();
  const identity = new IdentityBuffer();
  const hasHistory = reader.store.count('keys') > 0;
  numbers.forEach((number, i) => {
    const entry = reader.locate(number);
    if (entry === undefined) return;
    const segment = reader.segment(entry.segment);
    const at = number - entry.first;
    const id = segment.templateId(at);
    let frame = frames.get(id);
    if (frame === undefined) {
      frame = frameOf(modified(reader.template(id) as JobOptions, changes));
      frames.set(id, frame);
    }
    // Most have no directory of their own, and what stands around their command is the same for all.
    const own = frame.cwdMatters && changes.options.cwd === undefined ? segment.delta(at)?.cwd : undefined;
    const before = own === undefined ? frame.before : Buffer.from(`${own}.`);
    const key = identity.key(before, changes.cmd ?? segment.command(at), frame.after);
    keys.set(key, i * KEY_BYTES);
    if (hasHistory && !isSame(key, segment.key(at)) && readCompleteKey(reader.store, key) !== undefined)
      taken[i] = 1;
  });
  return { keys, taken };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

interface Frame {
  readonly cwdMatters: boolean;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

function frameOf(options: JobOptions): Frame {
  const { before, after } = identityFrame(options);
  return { cwdMatters: options.cwdMatters, before: Buffer.from(before), after: Buffer.from(after) };
}

/** Puts identity strings together in one place: a million of them are to be hashed. */
class IdentityBuffer {
  #bytes = Buffer.alloc(4_096);

  key(before: Uint8Array, cmd: Uint8Array, after: Uint8Array): Uint8Array {
    const length = before.length + cmd.length + after.length;
    if (length > this.#bytes.length) this.#bytes = Buffer.alloc(2 * length);
    this.#bytes.set(before);
    this.#bytes.set(cmd, before.length);
    this.#bytes.set(after, before.length + cmd.length);
    return hash('md5', this.#bytes.subarray(0, length), 'buffer');
  }
}
