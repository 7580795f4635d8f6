/** Bits of the job table's `flags` column: what a job has that most have not, so that those cost nothing. */
export const JOB_FLAG = {
  /** It waits, or waited, for others. */
  waits: 1,
  /** It is a member of dependency groups. */
  member: 2,
  /** Single jobs wait for it. */
  parent: 4,
  /** It was suspended, and its back-off is not over. */
  heldDelayed: 8,
  /** It is found under several report groups, and counted in their set. */
  inSet: 16,
  /** A back-off of it was called off: when that would have been over is still among the due times. */
  calledOff: 32,
} as const;

/** Any part in a dependency. */
export const DEPENDENCY_FLAGS = JOB_FLAG.waits | JOB_FLAG.member | JOB_FLAG.parent;
