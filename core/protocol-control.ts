/** Messages of those who hold commands back, and of those who steer the manager itself: a part of `protocol.ts`. */
import type { ModChanges } from './modification.ts';
import type { Selector } from './selector.ts';

/** Holds back what is ready, delayed or dependent. */
export interface SuspendRequest {
  readonly type: 'suspend';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
}

/** Lets suspended jobs go on. */
export interface ResumeRequest {
  readonly type: 'resume';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
}

/** Changes commands that wait; answered with `changed`, after parts that tell what became of each. */
export interface ModifyRequest {
  readonly type: 'modify';
  readonly id: number;
  readonly requestId: string;
  readonly select: Selector;
  readonly changes: ModChanges;
}

/** A part of the answer: how far it is. */
export interface ModProgress {
  readonly type: 'modProgress';
  readonly id: number;
  readonly done: number;
  readonly total: number;
}

/** A part of the answer: these are changed, on disk. */
export interface ModifiedPart {
  readonly type: 'modified';
  readonly id: number;
  /** Old and new key, 16 bytes each, a command. */
  readonly pairs: Uint8Array;
}

/** Answered once it is in force, and on disk where it outlives the manager. */
export interface SteerRequest {
  readonly type: 'steer';
  readonly id: number;
  readonly to: 'pause' | 'resume' | 'drain';
}

export interface SteeredReply {
  readonly type: 'steered';
  readonly id: number;
  /** Commands handed out and not over; those that contact was lost with are not among them. */
  readonly running: number;
  readonly lost: number;
  /** Until the last of them is expected to end, ms; 0: it should have. */
  readonly expectedMs: number;
  readonly pid: number;
}

/** Copies the database; answered when the copy is whole and on disk. */
export interface BackupRequest {
  readonly type: 'backup';
  readonly id: number;
  /** Absolute, on the manager's host. */
  readonly path: string;
}

export interface BackedUpReply {
  readonly type: 'backedUp';
  readonly id: number;
}
