/**
 * Frames of a simulated runner, made once and patched: the driver shares two cores with the manager it measures, so a
 * cycle must cost it next to nothing. Numbers that change are packed as float64, whose width never changes.
 *
 * ```
 * [ report{ id, events:[started{attempt,…}, ended{attempt,…}] }, reserve{ id, group, count:1, waitMs } ]
 *           ▲                   ▲                  ▲                      ▲        8 bytes each, patched in place
 * ```
 */
import { encodeFrame } from '../../core/codec.ts';
import type { EndedEvent, ReserveRequest, RunnerHello, StartedEvent } from '../../core/runner-messages.ts';

// Fractions that pack as float64 and appear nowhere else.
const MARKS = {
  attempt: 1234567.1,
  reportId: 1234567.2,
  reserveId: 1234567.3,
  startedMs: 1234567.4,
  endedMs: 1234567.5,
};

const NOTHING = new Uint8Array(0);

function offsetsOf(frame: Buffer, mark: number): number[] {
  const needle = Buffer.alloc(8);
  needle.writeDoubleBE(mark);
  const offsets: number[] = [];
  for (let at = frame.indexOf(needle); at >= 0; at = frame.indexOf(needle, at + 8)) offsets.push(at);
  if (offsets.length === 0) throw new Error(`the frame does not hold ${mark}`);
  return offsets;
}

function reserve(group: string, waitMs: number, id: number): ReserveRequest {
  return { type: 'reserve', id, group, count: 1, waitMs };
}

export function helloFrame(runnerId: string, group: string, id: number): Uint8Array {
  const hello: RunnerHello = {
    type: 'hello',
    id,
    runnerId,
    host: 'localhost',
    ip: '127.0.0.1',
    pid: process.pid,
    group,
    holding: [],
  };
  return encodeFrame(hello);
}

export function reserveFrame(group: string, waitMs: number, id: number): Uint8Array {
  return encodeFrame(reserve(group, waitMs, id));
}

/** A touch of a runner that holds nothing. */
export function touchFrame(id: number): Uint8Array {
  return encodeFrame({ type: 'touch', id, attempts: [] });
}

/** The frame of one cycle: the last job ran, give me the next. One per connection, for it is sent as it stands. */
export class CycleFrame {
  readonly bytes: Buffer;
  readonly #attempts: readonly number[];
  readonly #reportIds: readonly number[];
  readonly #reserveIds: readonly number[];
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];

  constructor(group: string, waitMs: number) {
    const started: StartedEvent = {
      event: 'started',
      attempt: MARKS.attempt,
      pid: 4321,
      startedMs: MARKS.startedMs,
    };
    const ended: EndedEvent = {
      event: 'ended',
      attempt: MARKS.attempt,
      outcome: 'complete',
      exitCode: 0,
      reason: '',
      pid: 4321,
      startedMs: MARKS.startedMs,
      endedMs: MARKS.endedMs,
      cwd: '/tmp/wr_cwd/0/1/2',
      stdout: NOTHING,
      stderr: NOTHING,
      peakRamMb: 3,
      peakDiskMb: 0,
      cpuMs: 2,
    };
    const report = { type: 'report', id: MARKS.reportId, events: [started, ended] };
    this.bytes = Buffer.from(encodeFrame([report, reserve(group, waitMs, MARKS.reserveId)]));
    this.#attempts = offsetsOf(this.bytes, MARKS.attempt);
    this.#reportIds = offsetsOf(this.bytes, MARKS.reportId);
    this.#reserveIds = offsetsOf(this.bytes, MARKS.reserveId);
    this.#starts = offsetsOf(this.bytes, MARKS.startedMs);
    this.#ends = offsetsOf(this.bytes, MARKS.endedMs);
  }

  /** Ids are `id` and `id + 1`. */
  patch(attempt: number, id: number, startedMs: number, endedMs: number): Buffer {
    this.#write(this.#attempts, attempt);
    this.#write(this.#reportIds, id);
    this.#write(this.#reserveIds, id + 1);
    this.#write(this.#starts, startedMs);
    this.#write(this.#ends, endedMs);
    return this.bytes;
  }

  #write(offsets: readonly number[], value: number): void {
    for (const offset of offsets) this.bytes.writeDoubleBE(value, offset);
  }
}

// Keys as msgpack packs them: a fixstr's length byte, then the text. The length byte keeps attemptsLeft apart.
const ATTEMPT_KEY = Buffer.from('\xa7attempt', 'latin1');
const LEAVE_KEY = Buffer.from('\xa5leave', 'latin1');
const ERROR_TYPE = Buffer.from('\xa4type\xa5error', 'latin1');

/** What an answer says, read without decoding it. */
export type Answer =
  | { readonly kind: 'job'; readonly attempt: number }
  | { readonly kind: 'noJob' | 'error' | 'other' };

const NO_JOB: Answer = { kind: 'noJob' };
const ERROR: Answer = { kind: 'error' };
const OTHER: Answer = { kind: 'other' };

export function readAnswer(frame: Buffer): Answer {
  const at = frame.indexOf(ATTEMPT_KEY);
  if (at >= 0) return { kind: 'job', attempt: readNumber(frame, at + ATTEMPT_KEY.length) };
  if (frame.includes(LEAVE_KEY)) return NO_JOB;
  return frame.includes(ERROR_TYPE) ? ERROR : OTHER;
}

/** A msgpack number that is not negative. */
function readNumber(frame: Buffer, at: number): number {
  const head = frame[at] ?? 0;
  if (head < 0x80) return head;
  switch (head) {
    case 0xca:
      return frame.readFloatBE(at + 1);
    case 0xcb:
      return frame.readDoubleBE(at + 1);
    case 0xcc:
      return frame[at + 1] ?? 0;
    case 0xcd:
      return frame.readUInt16BE(at + 1);
    case 0xce:
      return frame.readUInt32BE(at + 1);
    case 0xcf:
      return frame.readUInt32BE(at + 1) * 2 ** 32 + frame.readUInt32BE(at + 5);
    default:
      throw new Error(`an attempt is packed with 0x${head.toString(16)}`);
  }
}
