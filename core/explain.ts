/**
 * Why a command is not running, or what became of it, from what is known of it: the first cause stands first, and each
 * comes with what to do about it. Whoever looks at the queue gathers the facts.
 */
import type { FailReason } from './fail-reasons.ts';
import type { JobState } from './states.ts';
import { formatDuration } from './units.ts';

export const CAUSES = [
  'dependency',
  'limit',
  'window',
  'resources',
  'capacity',
  'order',
  'paused',
  'backoff',
  'suspended',
  'running',
  'lost',
  'buried',
  'complete',
] as const;
export type Cause = (typeof CAUSES)[number];

export interface Reason {
  readonly cause: Cause;
  readonly text: string;
  /** '': nothing need be done. */
  readonly todo: string;
}

/** A limit group of the job that lets nothing start now. */
export interface FullLimit {
  readonly name: string;
  /** `null`: a span of time that is shut. */
  readonly limit: number | null;
  readonly held: number;
  /** A span of time that is over for good. */
  readonly isPast?: boolean;
}

/** A counted resource of which less is free than the job asks for. */
export interface Shortage {
  readonly name: string;
  readonly asked: number;
  readonly free: number;
  /** What the machine has. */
  readonly units: number;
}

export interface JobFacts {
  readonly state: JobState;
  readonly mode: 'started' | 'recovering' | 'paused' | 'draining' | 'stopping';
  readonly nowMs: number;
  /** Unix ms; 0: none. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly readyMs: number;
  readonly host: string;
  readonly pid: number;
  /** Why the host of a lost command could not be asked about it; '' or absent: it could. */
  readonly hostTrouble?: string;
  readonly exitCode: number;
  readonly reason: FailReason;
  /** Of a command that was buried for what it asked for: what there is too little of; '': not known. */
  readonly shortOf?: string;
  readonly attempts: number;
  readonly retriesLeft: number;
  /** What it depends on, as users know it. */
  readonly dependencies: readonly string[];
  /** Of these, dependency groups that nobody ever added to. */
  readonly unseen: readonly string[];
  /** Of the commands it waits for: how many are in which state, by name, and the ids of a few that are buried. */
  readonly waitedFor?: {
    readonly counts: readonly (readonly [string, number])[];
    readonly buried: readonly string[];
  };
  readonly limits: readonly FullLimit[];
  readonly shortages: readonly Shortage[];
  /** Its report group was stopped after so many burials; 0: it was not. */
  readonly stoppedAfter: number;
  readonly group: GroupFacts;
}

/** The scheduler group of the job, and the machine. */
export interface GroupFacts {
  readonly memoryMb: number;
  readonly cpus: number;
  /** Ready jobs that are served before it. */
  readonly ahead: number;
  /** Running, or about to. */
  readonly held: number;
  /** Slots it has been given; `null`: nobody gives any here. */
  readonly slots: number | null;
  readonly scheduler: string;
  readonly capacity: { readonly cpus: number; readonly memoryMb: number };
  readonly canEverRun: boolean;
  readonly runners: number;
  /** Jobs of other scheduler groups that run. */
  readonly othersHeld: number;
}

export function explain(facts: JobFacts): Reason[] {
  switch (facts.state) {
    case 'dependent':
      return dependentReasons(facts);
    case 'ready':
      return readyReasons(facts);
    case 'delayed':
      return [delayed(facts)];
    case 'suspended':
      return [suspended(facts)];
    case 'reserved':
      return [reason('running', `it has been handed to a runner on ${facts.host} and is about to start`, '')];
    case 'running':
      return [running(facts)];
    case 'lost':
      return [lost(facts)];
    case 'buried':
      return [buried(facts)];
    case 'complete':
      return [complete(facts)];
    default:
      return facts.state satisfies never;
  }
}

function dependentReasons({ dependencies, unseen, waitedFor }: JobFacts): Reason[] {
  const reasons: Reason[] = [];
  if (unseen.length > 0) {
    reasons.push(
      reason(
        'dependency',
        `it waits for dependency groups to which nothing was ever added: ${quoted(unseen)}`,
        'add commands with --dep_grps of that name, or change it with wr mod --deps',
      ),
    );
  }
  const buried = waitedFor?.buried ?? [];
  const seen = dependencies.filter((name) => !unseen.includes(name));
  if (seen.length > 0 || unseen.length === 0) {
    const on = seen.length > 0 ? `: ${quoted(seen)}` : '';
    reasons.push(
      reason(
        'dependency',
        `it waits for commands that have not completed${on}${statesText(waitedFor)}`,
        buried.length === 0
          ? 'see how those are with wr status; buried ones hold it up until wr retry lets them succeed'
          : `correct what the buried ones failed of, then wr retry: wr explain ${buried[0]} tells what it was`,
      ),
    );
  }
  return reasons;
}

/** Of the commands that are waited for. */
function statesText(waitedFor: JobFacts['waitedFor']): string {
  const counts = waitedFor?.counts ?? [];
  return counts.length === 0 ? '' : ` (${counts.map(([state, count]) => `${count} ${state}`).join(', ')})`;
}

function readyReasons(facts: JobFacts): Reason[] {
  const { mode, group, limits, shortages } = facts;
  const reasons = [...limits.map(limitReason), ...shortages.map(shortageReason)];
  if (!group.canEverRun) reasons.push(impossible(group));
  if (mode === 'paused') reasons.push(reason('paused', 'the manager is paused', 'wr manager resume'));
  if (mode === 'draining' || mode === 'stopping')
    reasons.push(
      reason(
        'paused',
        `the manager is ${mode}: it starts nothing more`,
        'wr manager start, once it has stopped',
      ),
    );
  if (reasons.length === 0) reasons.push(waiting(group));
  return reasons;
}

function limitReason({ name, limit, held, isPast }: FullLimit): Reason {
  if (isPast === true)
    return reason(
      'window',
      `it may only start within ${name}, and that time is over for good`,
      'take the limit group off it with wr mod --limit_grps, or wr remove it',
    );
  if (limit === null)
    return reason(
      'window',
      `it may only start within ${name}, and it is not that time`,
      'wait, or take the limit group off it with wr mod --limit_grps',
    );
  const text =
    limit === 0
      ? `none of its limit group "${name}" may run`
      : `its limit group "${name}" lets ${limit} run at once, and ${held} do`;
  return reason('limit', text, `wr limit --group ${name}:N lets N run; -1 lets any number`);
}

function shortageReason({ name, asked, free, units }: Shortage): Reason {
  return asked > units
    ? reason(
        'resources',
        `it asks for ${name}:${asked}, and there is ${name}:${units}`,
        'ask for less, or say with --resources of wr manager start what there is',
      )
    : reason('resources', `it asks for ${name}:${asked}, and ${free} of ${units} are free`, '');
}

function suspended({ stoppedAfter }: JobFacts): Reason {
  if (stoppedAfter === 0)
    return reason('suspended', 'it is suspended: held back by a user', 'let it go on with wr resume');
  return reason(
    'suspended',
    `it is suspended: its report group was stopped after ${stoppedAfter} of its commands were buried (--max_fails)`,
    'see why with wr status --buried, then let the group go on with wr resume -i',
  );
}

function impossible({ memoryMb, cpus, capacity }: GroupFacts): Reason {
  return reason(
    'resources',
    `it asks for ${needs(memoryMb, cpus)}, and the scheduler can never give more than ${needs(capacity.memoryMb, capacity.cpus)}`,
    'ask for less with wr mod --memory or --cpus, or, where the machine has more, raise --max_ram or --max_cores of wr manager start',
  );
}

function waiting(group: GroupFacts): Reason {
  const { ahead, held, slots, runners, scheduler, othersHeld, memoryMb, cpus } = group;
  const before =
    ahead === 0
      ? 'it is the next of those that ask for the same'
      : `${ahead} that ask for the same are before it`;
  if (slots === null || scheduler === 'none') {
    const none = runners === 0 ? 'no runner is connected' : `${runners} runners are connected`;
    return reason(
      'capacity',
      `${none}, and this manager starts none by itself; ${before}`,
      'start runners with wr runner',
    );
  }
  if (slots === 0) {
    return reason(
      'capacity',
      `there is no room for ${needs(memoryMb, cpus)} now: ${held + othersHeld} other commands run; ${before}`,
      'wait, or raise its --priority with wr mod',
    );
  }
  return reason(
    'order',
    `${held} of ${slots} that may run at once do; ${before}`,
    ahead === 0 ? '' : 'wait, or raise its --priority with wr mod',
  );
}

function delayed({ readyMs, nowMs, reason: why, exitCode, retriesLeft }: JobFacts): Reason {
  const leftMs = Math.round((readyMs - nowMs) / 1000) * 1000;
  const when = leftMs > 0 ? `in ${formatDuration(leftMs)}` : 'any moment now';
  return reason(
    'backoff',
    `it failed (${failure(why, exitCode)}) and is tried again ${when}; ${attemptsText(retriesLeft + 1)} left`,
    'wait; wr suspend holds it back, and wr remove drops it if it is not worth another attempt',
  );
}

function running({ startedMs, nowMs, host, pid }: JobFacts): Reason {
  const since = formatDuration(Math.max(0, Math.round((nowMs - startedMs) / 1000) * 1000));
  return reason('running', `it has been running for ${since} on ${host} as process ${pid}`, '');
}

function lost({ host, pid, endedMs, nowMs, hostTrouble = '' }: JobFacts): Reason {
  const since = formatDuration(Math.max(0, Math.round((nowMs - endedMs) / 1000) * 1000));
  const what = pid > 0 ? `process ${pid}` : 'its command';
  const trouble = hostTrouble === '' ? '' : `; ${host} could not be asked about it: ${hostTrouble}`;
  return reason(
    'lost',
    `its runner on ${host} has not been heard of for ${since}; ${what} may still be at work, so it is not started again${trouble}`,
    'the manager goes on looking for it, on other hosts over ssh; wr kill ends it; if you know that it is gone, say so with wr kill --confirmdead',
  );
}

function buried({ reason: why, exitCode, attempts, shortOf = '' }: JobFacts): Reason {
  const times = attempts === 0 ? 'without ever having started' : `after ${attemptsText(attempts)}`;
  return reason(
    'buried',
    `it was buried ${times}: ${failure(why, exitCode)}${shortOf === '' ? '' : ` (${shortOf})`}`,
    TODO_WHEN_BURIED[why] ?? 'look at its output with wr status -y -i ID, correct the cause, then wr retry',
  );
}

const TODO_WHEN_BURIED: Partial<Record<FailReason, string>> = {
  'command not found': 'give the program by its full path, or correct PATH, then wr retry',
  'command permission problem': 'make the program executable (chmod +x), then wr retry',
  'working directory does not exist': 'make the directory, or correct who may write there, then wr retry',
  'resource requirements cannot be met':
    'ask for less with wr mod --memory, --cpus or --resources, or, where the machine has more, let wr manager start have it with --max_ram, --max_cores or --resources; then wr retry',
  'killed by user request': 'wr retry runs it again, wr remove forgets it',
  'command used too much RAM': 'give it more with wr mod --memory, then wr retry',
  'command used too much time': 'give it more with wr mod --time, then wr retry',
  'ran out of disk space': 'free space where it runs, then wr retry',
};

function complete({ startedMs, endedMs, attempts, host }: JobFacts): Reason {
  const took = formatDuration(Math.max(0, endedMs - startedMs));
  return reason(
    'complete',
    `it completed on ${host} after ${attemptsText(attempts)}, in ${took}`,
    'wr add --rerun runs it again',
  );
}

function failure(why: FailReason, exitCode: number): string {
  if (why === '') return `exit code ${exitCode}`;
  return exitCode > 0 ? `${why}, exit code ${exitCode}` : why;
}

function attemptsText(count: number): string {
  return count === 1 ? '1 attempt' : `${count} attempts`;
}

function needs(memoryMb: number, cpus: number): string {
  return `${memoryMb} MB and ${cpus} core${cpus === 1 ? '' : 's'}`;
}

/** Names shown; the rest are counted. */
const NAMED_MAX = 10;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((name) => `"${name}"`);
  if (names.length > NAMED_MAX) shown.push(`${names.length - NAMED_MAX} more`);
  return shown.join(', ');
}

function reason(cause: Cause, text: string, todo: string): Reason {
  return { cause, text, todo };
}
