/** The flags of the manager's process: what `wr manager start` gives it beside its configuration. */
import { parseArgs } from 'node:util';

const FLAGS = {
  foreground: { type: 'boolean' },
  scheduler: { type: 'string' },
  max_cores: { type: 'string' },
  max_ram: { type: 'string' },
  resources: { type: 'string' },
  use_cert_domain: { type: 'boolean' },
  debug: { type: 'boolean' },
  runner_filelog: { type: 'string' },
  runner_syslog: { type: 'boolean' },
  deployment: { type: 'string' },
  compact: { type: 'boolean' },
} as const;

export type Flags = ReturnType<typeof readFlags>;

export function readFlags() {
  // Flags that other schedulers understand are let by.
  return parseArgs({ options: FLAGS, strict: false, allowPositionals: true }).values as {
    foreground?: boolean;
    scheduler?: string;
    max_cores?: string;
    max_ram?: string;
    resources?: string;
    use_cert_domain?: boolean;
    debug?: boolean;
    runner_filelog?: string;
    runner_syslog?: boolean;
    deployment?: string;
    compact?: boolean;
  };
}
