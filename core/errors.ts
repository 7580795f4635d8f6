/**
 * Every error the program can show, in one registry.
 *
 * A code is what programs branch on, the message says what happened to what, the hint says what to do next.
 * `docs/errors.md` lists the same codes; a test keeps the two equal.
 */
const HINTS = {
  // Jobs and the queue
  BAD_TRANSITION: 'the command moved on while you held it; look at it again with wr status',
  JOB_NOT_FOUND: 'wr status, called with the same selector, shows what there is and in which state',
  SUPERSEDED: 'this attempt was given up and another took its place; its report changes nothing',
  NOT_SUPPORTED: 'docs/later.md lists what comes later, and until then is refused or without effect',
  // Input
  BAD_LINE: 'correct that line and add the file again; nothing of it was added',
  BAD_OPTION: 'wr help and the command’s --help show the accepted forms',
  DEPENDENCY_CYCLE: 'take out a dependency of one of them and try again; nothing was added or changed',
  BAD_INPUT: 'check the path and that you may read it',
  // Connecting
  NO_MANAGER: 'start one with wr manager start, or check --deployment and the configuration with wr conf',
  NO_TOKEN: 'has the manager been started? wr manager start writes the token file',
  BAD_TOKEN:
    'the token file does not belong to the manager that answered; restart the manager or check --deployment',
  BAD_CERTIFICATE:
    'delete the CA, certificate and key files and restart the manager to have new ones made, or renew your own',
  BAD_PROTOCOL: 'client and manager are of different versions; use the same wr for both',
  TIMED_OUT: 'try again, or raise --timeout; wr manager status and its log say how it is',
  DISCONNECTED: 'the connection to the manager was lost; see wr manager status and its log',
  FRAME_TOO_LARGE: 'a single command line may have up to 4 MiB',
  // Manager
  ALREADY_RUNNING: 'use wr manager stop first, or another --deployment',
  PORT_IN_USE: 'set managerport and managerweb to free ports, or stop what uses them',
  BAD_CONFIG: 'correct it where it is set; wr conf --default prints every setting',
  BAD_DIRECTORY:
    'set managerdir to a directory that you may make and write to, or give yourself the permission',
  CANNOT_START: 'see the log file named by wr manager status',
  CANNOT_STOP: 'see the log; kill the pid named above if it does not go away',
  STOPPING: 'the manager is stopping; try again once it has been started again',
  DRAINING: 'a drain ends with the manager; start it again with wr manager start once it has stopped',
  RECOVERING: 'the manager is recovering prior state, please retry in a moment',
  WORKER_FAILED: 'nothing was changed; try again, and report this if it happens again',
  INTERNAL: 'this is a defect of wr; please report it with the log',
  // Storage
  STORE_UNREADABLE:
    'nothing was touched; restore a backup over it, or move it and its backup away to start empty',
  STORE_FOREIGN: 'nothing was touched; point managerdbfile at a database of wr',
  STORE_NEWER: 'nothing was touched; start the newer wr that wrote it',
  STORE_FULL: 'free disk space where the database is; nothing of this request was kept',
  NOT_DURABLE:
    'free disk space where the database is: what was asked for counts already, goes to disk when there is room, and is lost if the manager ends before',
  STORE_FAILED: 'check the disk the database is on; nothing of this request was kept',
  // Scheduling
  IMPOSSIBLE: 'lower the memory or cpus asked for, or raise --max_cores or --max_ram',
  BAD_LAUNCH: 'check runnerexecshell, and that sh can be started',
} as const;

export type ErrorCode = keyof typeof HINTS;

/** A failure with a code to branch on, a message for people and a hint on what to do next. */
export class WrError extends Error {
  override readonly name = 'WrError';
  readonly code: ErrorCode;
  /** What the reader should do next; '': the message says it. */
  readonly hint: string;

  /**
   * @param code - one of the registry
   * @param message - what happened, to what, where
   * @param options - `cause`, so that the root failure survives wrapping; `hint`, where the one of the code does not fit
   */
  constructor(code: ErrorCode, message: string, options: ErrorOptions & { readonly hint?: string } = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint ?? HINTS[code];
  }
}

/** Every code with its hint, for the documentation and its test. */
export const ERROR_HINTS: Readonly<Record<ErrorCode, string>> = HINTS;

/** True for a text that names a code of the registry: what a peer sent may be anything. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(HINTS, code);
}

/** Anything thrown, as a WrError: itself, or wrapped as an internal failure with its cause kept. */
export function asWrError(thrown: unknown): WrError {
  if (thrown instanceof WrError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new WrError('INTERNAL', message, { cause: thrown });
}
