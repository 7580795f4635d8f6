/** What clients send, checked member by member. */
import { optionsFault } from './check-options.ts';
import type { ClientRequest } from './client-requests.ts';
import {
  type Checks,
  isAmount,
  isBytes,
  isCommand,
  isCount,
  isFlag,
  isIntegerIn,
  isKey,
  isLike,
  isListOf,
  isOneOf,
  isRequestId,
  isSelector,
  isState,
  isText,
  nullable,
  optional,
} from './message-values.ts';
import type { ModChanges } from './modification.ts';

const isEmpty = { id: isCount };
/** What is done to the jobs that a selector means. */
const CHANGE = { id: isCount, requestId: isRequestId, select: isSelector };

const isChanges = isLike<ModChanges>({
  options: (value) => optionsFault(value, false) === '',
  dropOther: isListOf(isText),
  cmd: nullable(isCommand),
});

export const CLIENT_CHECKS: {
  readonly [Type in ClientRequest['type']]: Checks<Extract<ClientRequest, { type: Type }>>;
} = {
  ping: isEmpty,
  managerStatus: isEmpty,
  shutdown: isEmpty,
  addBegin: {
    id: isCount,
    requestId: isRequestId,
    defaults: (value) => optionsFault(value, true) === '',
    env: optional(isBytes),
    rerun: isFlag,
    head: isCount,
    wantKeys: isFlag,
    dryRun: optional(isLike<{ readonly show: number }>({ show: isCount })),
  },
  addFrame: { requestId: isRequestId, seq: isCount, bytes: isBytes, more: optional(isFlag) },
  addEnd: { id: isCount, requestId: isRequestId, frames: isCount },
  status: {
    id: isCount,
    select: isSelector,
    output: isOneOf(['counts', 'summary', 'plain', 'jobs', 'json']),
    states: isListOf(isState),
    missingDeps: optional(isFlag),
    limit: isCount,
    env: isFlag,
    recentMs: optional(isAmount),
    host: isText,
  },
  more: { of: isCount, pages: isCount },
  kill: { ...CHANGE, confirmDead: isFlag, ageMs: isAmount },
  retry: CHANGE,
  remove: { ...CHANGE, buriedOnly: isFlag },
  suspend: CHANGE,
  resume: CHANGE,
  modify: { ...CHANGE, changes: isChanges },
  settle: { id: isCount, key: isKey },
  explain: { id: isCount, key: isKey },
  limit: { id: isCount, group: isText, limit: nullable(isIntegerIn(-1, Number.MAX_SAFE_INTEGER)) },
  watch: { id: isCount, select: isSelector, everyMs: isAmount },
  steer: { id: isCount, to: isOneOf(['pause', 'resume', 'drain']) },
  backup: { id: isCount, path: isText },
};
