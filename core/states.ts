/**
 * The states of a job and the one table of moves between them (spec: jobs.md §5, since-0.36.md §2).
 *
 * ```
 *            ┌────────────── dependent ◄──────────── buried ◄─┐
 *  add ──────┤                   │                     │      │
 *            └──────► ready ◄────┴─ delayed ◄──┐       │retry │
 *                       │ reserve      ▲       │       ▼      │
 *                    reserved ─────────┤    running ──────────┤
 *                       └── start ─────┼───────┤  ▲           │
 *                                      │       ▼  │ touch     │
 *                                      └────── lost ──────────┘
 *  suspended ◄──► ready, dependent, delayed          running, lost ──► complete
 * ```
 */
import { WrError } from './errors.ts';

/** The codes kept in the job table's state column; 0 means that the row holds no job. */
export const STATE = {
  none: 0,
  ready: 1,
  dependent: 2,
  delayed: 3,
  suspended: 4,
  reserved: 5,
  running: 6,
  lost: 7,
  buried: 8,
  complete: 9,
  removed: 10,
} as const;

export type StateName = keyof typeof STATE;
export type JobState = Exclude<StateName, 'none' | 'removed'>;
export type StateCode = (typeof STATE)[StateName];

/** Names by code. */
export const STATE_NAMES = Object.keys(STATE) as readonly StateName[];
export const STATE_COUNT = STATE_NAMES.length;

export type JobEvent =
  | 'add'
  | 'addDependent'
  | 'reserve'
  | 'start'
  | 'release'
  | 'succeed'
  | 'bury'
  | 'lose'
  | 'touch'
  | 'touchUnstarted'
  | 'due'
  | 'depend'
  | 'satisfy'
  | 'suspend'
  | 'resume'
  | 'resumeDependent'
  | 'resumeDelayed'
  | 'retry'
  | 'retryDependent'
  | 'requeue'
  | 'requeueDependent'
  | 'remove';

const TRANSITIONS: Readonly<Record<StateName, Partial<Record<JobEvent, StateName>>>> = {
  none: { add: 'ready', addDependent: 'dependent' },
  ready: {
    reserve: 'reserved',
    depend: 'dependent',
    suspend: 'suspended',
    bury: 'buried',
    remove: 'removed',
  },
  dependent: { satisfy: 'ready', depend: 'dependent', suspend: 'suspended', remove: 'removed' },
  delayed: { due: 'ready', depend: 'dependent', suspend: 'suspended', remove: 'removed' },
  suspended: { resume: 'ready', resumeDependent: 'dependent', resumeDelayed: 'delayed', remove: 'removed' },
  // A runner that ends before it could tell of the start reports the end at once: hence succeed.
  reserved: {
    start: 'running',
    release: 'delayed',
    requeue: 'ready',
    bury: 'buried',
    succeed: 'complete',
    lose: 'lost',
  },
  running: { succeed: 'complete', release: 'delayed', bury: 'buried', lose: 'lost' },
  // It may only be slow to answer.
  lost: {
    touch: 'running',
    touchUnstarted: 'reserved',
    succeed: 'complete',
    release: 'delayed',
    requeue: 'ready',
    bury: 'buried',
  },
  buried: { retry: 'ready', retryDependent: 'dependent', remove: 'removed' },
  // Run again on demand, or behind a new member of a group it depends on.
  complete: { requeue: 'ready', requeueDependent: 'dependent' },
  removed: {},
};

/**
 * Where an event leads.
 * @throws {WrError} BAD_TRANSITION for a move that the table does not hold
 */
export function nextState(from: StateName, event: JobEvent): StateName {
  const to = TRANSITIONS[from][event];
  if (to === undefined) throw new WrError('BAD_TRANSITION', `cannot ${event} a ${from} command`);
  return to;
}

/** Same as {@link nextState} on the codes of the state column. */
export function nextStateCode(from: number, event: JobEvent): StateCode {
  return STATE[nextState(stateName(from), event)];
}

export function stateName(code: number): StateName {
  const name = STATE_NAMES[code];
  if (name === undefined) throw new WrError('INTERNAL', `state code ${code} is unknown`);
  return name;
}

export function isHeld(code: number): boolean {
  return code === STATE.reserved || code === STATE.running || code === STATE.lost;
}

/** States of a job that is still wanted: known, and neither complete nor removed. */
export function isLive(code: number): boolean {
  return code !== STATE.none && code !== STATE.complete && code !== STATE.removed;
}

/** A set of states as bits, so that it crosses to the workers as one number. */
export function stateMask(names: readonly StateName[]): number {
  return names.reduce((mask, name) => mask | (1 << STATE[name]), 0);
}

export const INCOMPLETE_STATES = [
  'ready',
  'dependent',
  'delayed',
  'suspended',
  'reserved',
  'running',
  'lost',
  'buried',
] as const satisfies readonly JobState[];

export const INCOMPLETE_MASK = stateMask(INCOMPLETE_STATES);

/** The mask of every state. */
export const ALL_STATES = 0xffff;
