/** Where runners keep what they have under way, for whoever comes after them (docs/decisions/0011). */

export const LEDGER_FILE = 'ledger';
/** `ledger`, or with the number and start of the process that has claimed it. */
export const LEDGER_NAME = /^ledger(?:\.(\d+)\.(\d+))?$/;

/** Who keeps a ledger, and for whom. */
export interface LedgerOwner {
  /** Which process wrote it: with the time it began it is named for ever. */
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
  /** Whose commands these are: only it knows their environments. */
  readonly manager: string;
}

/**
 * What the names of runners' private directories begin with; the process id follows, which means something on its own host and
 * in its own namespace only, and others may share the directory above.
 */
export function runnerPrefix(host: string, pidNamespace: string): string {
  return `wr-runner-${host.replace(/[^A-Za-z0-9]/g, '_')}-${pidNamespace}-`;
}
