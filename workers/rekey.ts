/** Which keys jobs would have after a change, and which of these are taken by complete jobs: for `wr mod`. */
import { identityFrame, KEY_BYTES, KEY_WORDS } from '../core/identity.ts';
import type { JobOptions } from '../core/job-options.ts';
import { Md5Text } from '../core/md5.ts';
import { type ModChanges, modified } from '../core/modification.ts';
import { readCompleteKey } from '../store/history-tables.ts';
import type { JobReader } from './job-reader.ts';

export interface RekeyTask {
  /** Ascending. */
  readonly numbers: Uint32Array;
  readonly changes: ModChanges;
}

export interface RekeyResult {
  /** Four words a job. */
  readonly keys: Uint32Array;
  /** By job: 1 when a complete job that has left memory has that key, and the job itself another one. */
  readonly taken: Uint8Array;
}

export function rekeyJobs({ numbers, changes }: RekeyTask, reader: JobReader): RekeyResult {
  const keys = new Uint32Array(numbers.length * KEY_WORDS);
  const bytes = new Uint8Array(keys.buffer);
  const taken = new Uint8Array(numbers.length);
  const frames = new Map<number, Frame>();
  const text = new Md5Text();
  const hasHistory = reader.store.count('keys') > 0;
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] as number;
    const entry = reader.locate(number);
    if (entry === undefined) continue;
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
    const command = changes.cmd ?? segment.command(at);
    if (own === undefined) text.append(frame.before, 0, frame.before.length);
    else text.appendText(`${own}.`);
    text.append(command, 0, command.length);
    text.append(frame.after, 0, frame.after.length);
    text.take(keys, i * KEY_WORDS);
    if (!hasHistory) continue;
    const key = bytes.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES);
    if (!isSame(key, segment.key(at)) && readCompleteKey(reader.store, key) !== undefined) taken[i] = 1;
  }
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
