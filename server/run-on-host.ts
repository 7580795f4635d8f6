/** Commands on other hosts, over ssh: in one place, with a bound. */
import { execFile } from 'node:child_process';

const TIMEOUT_MS = 15_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;

/** @param keyFile - private key to log in with; '': whatever ssh is set up for */
export function sshRunner(keyFile: string): (host: string, command: string) => Promise<string> {
  const identity = keyFile === '' ? [] : ['-i', keyFile];
  const options = [
    '-o',
    'BatchMode=yes',
    '-o',
    'ConnectTimeout=10',
    '-o',
    'StrictHostKeyChecking=accept-new',
  ];
  return (host, command) =>
    new Promise((resolve, reject) => {
      const limits = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL' } as const;
      // `--`: a host that begins with a dash is no option.
      execFile('ssh', [...identity, ...options, '--', host, command], limits, (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(error);
      });
    });
}
