/** One moment, by both clocks: users see and the disk keeps the one, lengths of silence are told by the other, which nobody sets. */
export interface Moment {
  /** Unix ms. */
  readonly nowMs: number;
  /** Since some moment before the manager's start; never goes back. */
  readonly monotonicMs: number;
}
