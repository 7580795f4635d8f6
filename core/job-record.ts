/**
 * What is known of a job beyond its row: its current or last attempt, and how that ended.
 *
 * Written at each durable step, one record a job: `records` holds those still in the queue, `done` the complete ones.
 * A job that was never reserved has none.
 */
import { pack, unpack } from 'msgpackr';
import { WrError } from './errors.ts';
import { type FailReason, failReasonCode, failReasonName } from './fail-reasons.ts';
import { type Figures, NOT_GROWN } from './figures.ts';
import type { ResourceIds } from './resource-names.ts';
import { STATE, type StateCode } from './states.ts';

export interface JobRecord {
  readonly state: StateCode;
  /** Times it reached running. */
  readonly attempts: number;
  readonly retriesLeft: number;
  /** Of how many: what it was to have when this was written. */
  readonly retries: number;
  /** Token of the current or last attempt; 0: none. */
  readonly attempt: number;
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  readonly runnerPid: number;
  readonly pid: number;
  /** Unix ms; 0: not yet. */
  readonly reservedMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** When a delayed job becomes ready. */
  readonly readyMs: number;
  readonly exitCode: number;
  readonly reason: FailReason;
  readonly peakRamMb: number;
  readonly peakDiskMb: number;
  readonly cpuMs: number;
  /** The actual working directory; '' unknown. */
  readonly cwd: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** A kill was asked for: it holds over a restart. */
  readonly killed: boolean;
  /** The command must run again even if this attempt succeeds: a group that it waits for gained a member. */
  readonly outdated: boolean;
  /** When the runner's and the command's process began, as their host counts it; 0: not known. */
  readonly runnerBirth: number;
  readonly birth: number;
  /** What the attempt had; zeros: there was none. */
  readonly given: Figures;
  /** The least it needs after it ran out; zeros: it has not. */
  readonly grown: Figures;
  /** Attempts lost that used up no retry. */
  readonly freeLosses: number;
  /** Units of counted resources that the attempt had; `null`: none. */
  readonly resources: ResourceIds | null;
}

const NO_BYTES = new Uint8Array(0);

export const EMPTY_RECORD: JobRecord = {
  state: STATE.none,
  attempts: 0,
  retriesLeft: 0,
  retries: 0,
  attempt: 0,
  runnerId: '',
  host: '',
  ip: '',
  runnerPid: 0,
  pid: 0,
  reservedMs: 0,
  startedMs: 0,
  endedMs: 0,
  readyMs: 0,
  exitCode: 0,
  reason: '',
  peakRamMb: 0,
  peakDiskMb: 0,
  cpuMs: 0,
  cwd: '',
  stdout: NO_BYTES,
  stderr: NO_BYTES,
  killed: false,
  outdated: false,
  runnerBirth: 0,
  birth: 0,
  given: NOT_GROWN,
  grown: NOT_GROWN,
  freeLosses: 0,
  resources: null,
};

/** As a positional array: half the size of named members, and faster both ways. */
export function encodeRecord(record: JobRecord): Uint8Array {
  return pack([
    record.startedMs,
    record.endedMs,
    record.state,
    record.attempts,
    record.retriesLeft,
    record.attempt,
    record.runnerId,
    record.host,
    record.ip,
    record.pid,
    record.reservedMs,
    record.readyMs,
    record.exitCode,
    failReasonCode(record.reason),
    record.peakRamMb,
    record.peakDiskMb,
    record.cpuMs,
    record.cwd,
    record.stdout,
    record.stderr,
    record.killed,
    record.runnerPid,
    record.given.memoryMb,
    record.given.timeMs,
    record.given.diskGb,
    record.grown.memoryMb,
    record.grown.timeMs,
    record.grown.diskGb,
    record.resources,
    record.freeLosses,
    record.retries,
    record.runnerBirth,
    record.birth,
    record.outdated,
  ]);
}

const FIELDS = 34;

/** MessagePack: an array of up to 65,535, and a number in eight bytes. */
const ARRAY_16 = 0xdc;
const FLOAT_64 = 0xcb;

/**
 * When the attempt of a record began and ended, Unix ms. A listing in that order asks it of a million records: they stand
 * first, so that the rest need not be decoded.
 */
export function recordTimes(bytes: Uint8Array): Pick<JobRecord, 'startedMs' | 'endedMs'> {
  if (bytes[0] === ARRAY_16 && bytes[3] === FLOAT_64 && bytes[12] === FLOAT_64) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { startedMs: view.getFloat64(4), endedMs: view.getFloat64(13) };
  }
  return decodeRecord(bytes);
}

/** @throws {WrError} STORE_UNREADABLE when the bytes are no record */
export function decodeRecord(bytes: Uint8Array): JobRecord {
  const fields: unknown = unpack(bytes);
  if (!Array.isArray(fields) || fields.length < FIELDS)
    throw new WrError('STORE_UNREADABLE', 'a job record is damaged');
  return {
    startedMs: fields[0],
    endedMs: fields[1],
    state: fields[2],
    attempts: fields[3],
    retriesLeft: fields[4],
    attempt: fields[5],
    runnerId: fields[6],
    host: fields[7],
    ip: fields[8],
    pid: fields[9],
    reservedMs: fields[10],
    readyMs: fields[11],
    exitCode: fields[12],
    reason: failReasonName(fields[13]),
    peakRamMb: fields[14],
    peakDiskMb: fields[15],
    cpuMs: fields[16],
    cwd: fields[17],
    stdout: fields[18],
    stderr: fields[19],
    killed: fields[20],
    runnerPid: fields[21],
    given: { memoryMb: fields[22], timeMs: fields[23], diskGb: fields[24] },
    grown: { memoryMb: fields[25], timeMs: fields[26], diskGb: fields[27] },
    resources: fields[28],
    freeLosses: fields[29],
    retries: fields[30],
    runnerBirth: fields[31],
    birth: fields[32],
    outdated: fields[33],
  };
}
