/** What a manager is given: all that is outside of it. */
import type { Attempt } from '../core/attempts.ts';
import type { WrError } from '../core/errors.ts';
import type { IsGone } from '../core/job-losses.ts';
import type { Resources } from '../core/resource-names.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Processes } from './processes.ts';
import type { RequestParts } from './requests.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Tasks } from './tasks.ts';

export interface ManagerOptions {
  readonly store: KeyValueStore;
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly log: Log;
  readonly scheduler: Scheduler;
  readonly deployment: string;
  /** Units of counted resources that the machine has; none unless said. */
  readonly resources?: Resources;
  readonly ttrMs?: number;
  /** Whether a process of a host is known not to exist; false when nobody can tell. */
  readonly isGone: IsGone;
  /** Ends a command of this machine that has no runner any more. @returns whether something of it is there that may yet end */
  readonly endOrphan: (attempt: Attempt, nowMs: number) => boolean;
  /** Where the database is backed up by itself; `null`: nowhere. */
  readonly backupFile: string | null;
  /** Processes of this host and of others. */
  readonly processes: Processes;
  readonly about: RequestParts['about'];
  readonly onShutdown: RequestParts['onShutdown'];
  /** Nothing can be written any more, and nobody knows what the disk kept: only a restart from it is safe. */
  readonly onFatal: (error: WrError) => void;
}
