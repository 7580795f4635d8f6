/** Commands on other hosts, over ssh: in one place, with a bound. */
import { execFile } from 'node:child_process';
import { WrError } from '../core/errors.ts';
import { isHostName } from '../core/host-look.ts';
import type { RunOnHost } from './processes.ts';

const TIMEOUT_MS = 15_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;
const WORDS_CHARACTERS = 300;

/**
 * Laid over what the user has set up for ssh, which stays in force: nothing is asked, nothing is opened that outlives the
 * command or that is not needed for it.
 */
const OPTIONS = {
  BatchMode: 'yes',
  LogLevel: 'ERROR',
  ConnectTimeout: '10',
  ConnectionAttempts: '1',
  ServerAliveInterval: '5',
  StrictHostKeyChecking: 'accept-new',
  RequestTTY: 'no',
  RemoteCommand: 'none',
  PermitLocalCommand: 'no',
  ClearAllForwardings: 'yes',
  ForwardAgent: 'no',
  ForwardX11: 'no',
  AddKeysToAgent: 'no',
  // A connection that is shared already may be used; one that would be shared stays open, and ssh with it.
  ControlMaster: 'no',
} as const;

/**
 * @param keyFile - private key to log in with; '': whatever ssh is set up for
 * @param program - instead of the `ssh` in PATH
 */
export function sshRunner(keyFile: string, program = 'ssh'): RunOnHost {
  const identity = keyFile === '' ? [] : ['-i', keyFile];
  const options = Object.entries(OPTIONS).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return async (host, command) => {
    if (!isHostName(host)) throw new WrError('BAD_INPUT', `"${host}" is no name of a host`);
    // `-n`: it does not wait for us to say anything. `--`: a host that begins with a dash is no option.
    return await run(program, [...identity, ...options, '-n', '--', host, command]);
  };
}

/** The database's file is open in whatever the manager starts; ssh closes all but its standard streams before anything else. */
function run(program: string, args: readonly string[]): Promise<string> {
  const limits = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL' } as const;
  const env = { ...process.env, SSH_ASKPASS_REQUIRE: 'never' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...limits, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(whyOf(error, stderr), { cause: error }));
    });
  });
}

/** In one line, without the command, which says nothing to people. */
function whyOf(
  error: Error & { readonly killed?: boolean; readonly code?: unknown },
  stderr: string,
): string {
  if (error.killed === true) return `ssh did not come back within ${TIMEOUT_MS / 1_000} s`;
  if (error.code === 'ENOENT') return 'there is no ssh here';
  const words = stderr.trim().replace(/\s*\n\s*/g, '; ');
  return words === '' ? `ssh ended with ${String(error.code)}` : words.slice(0, WORDS_CHARACTERS);
}
