/** What a command of an add that is only tried would wait for, as far as is known when its line is shown. */

/**
 * - `queued`: in the queue, so it is waited for
 * - `added`: in the input so far
 * - `done`: nothing of it is left to wait for
 * - `unseen`: a dependency group that nobody has seen yet: it is waited for
 * - `absent`: a command that is not in the queue: it is not waited for
 */
export type DryWaitState = 'queued' | 'added' | 'done' | 'unseen' | 'absent';

export interface DryWait {
  /** Of a dependency group, or a command as status shows it. */
  readonly name: string;
  readonly group: boolean;
  readonly is: DryWaitState;
}

/** What is known of those that lines of a frame name: groups by hash (16 characters), commands by key in hex. */
export interface KnownWaits {
  readonly groups: ReadonlyMap<string, DryWaitState>;
  readonly commands: ReadonlyMap<string, DryWaitState>;
}
