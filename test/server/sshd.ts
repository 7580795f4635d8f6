/** An sshd of our own on a free port of the loop, and an `ssh` that knows it under other names. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../bench/harness/free-ports.ts';

const PLACES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
/** A machine that is much busier than usual. */
const PATIENCE_MS = 30_000;

/** Where a program is; `null`: it is not installed. */
function find(name: string): string | null {
  return PLACES.map((place) => join(place, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why tests of ssh cannot be run here; `false`: they can. */
export function withoutSshd(): string | false {
  const missing = ['sshd', 'ssh', 'ssh-keygen'].filter((name) => find(name) === null);
  return missing.length > 0 && `${missing.join(' and ')} not installed (Debian: openssh-server)`;
}

export class Sshd {
  readonly dir = mkdtempSync(join(tmpdir(), 'wr-sshd-'));
  /** To be run instead of `ssh`. */
  readonly ssh = join(this.dir, 'ssh');
  readonly key = join(this.dir, 'key');
  #child: ChildProcess | undefined;
  #said = '';

  /** @param hosts - names by which it is reached */
  static async start(hosts: readonly string[]): Promise<Sshd> {
    const sshd = new Sshd();
    try {
      await sshd.#start(hosts);
    } catch (error) {
      await sshd.stop();
      throw error;
    }
    return sshd;
  }

  async #start(hosts: readonly string[]): Promise<void> {
    const [port] = await freePorts();
    for (const name of ['key', 'host-key'])
      execFileSync(find('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', '', '-f', join(this.dir, name)]);
    copyFileSync(`${this.key}.pub`, join(this.dir, 'authorized_keys'));
    this.#writeSettings(hosts, port);
    // Where root runs it, it wants this directory, which the system makes when its own sshd starts.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn(find('sshd') ?? '', ['-D', '-e', '-f', join(this.dir, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    const untilMs = performance.now() + PATIENCE_MS;
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() > untilMs)
        throw new Error(`sshd did not start: ${this.#said}`);
      await pause(50);
    }
  }

  #writeSettings(hosts: readonly string[], port: number): void {
    const { username } = userInfo();
    writeFileSync(
      join(this.dir, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${join(this.dir, 'host-key')}`,
        `AuthorizedKeysFile ${join(this.dir, 'authorized_keys')}`,
        'PidFile none',
        'StrictModes no',
        'UsePAM no',
        'PermitRootLogin yes',
        'PasswordAuthentication no',
        '',
      ].join('\n'),
    );
    writeFileSync(
      join(this.dir, 'ssh_config'),
      [
        `Host ${hosts.join(' ')}`,
        '  HostName 127.0.0.1',
        `  Port ${port}`,
        `  User ${username}`,
        `  UserKnownHostsFile ${join(this.dir, 'known_hosts')}`,
        '  IdentitiesOnly yes',
        // What would make ssh wait, or refuse to run a command, if it were let to.
        '  RequestTTY force',
        '  RemoteCommand cat',
        '  ControlMaster auto',
        `  ControlPath ${join(this.dir, 'shared')}`,
        '  ControlPersist yes',
        '',
      ].join('\n'),
    );
    writeFileSync(this.ssh, `#!/bin/sh\nexec ${find('ssh')} -F ${join(this.dir, 'ssh_config')} "$@"\n`);
    chmodSync(this.ssh, 0o755);
  }

  /** What it had to say, for those who wonder why it does not let them in. */
  get said(): string {
    return this.#said;
  }

  /** It does not answer any more, as a machine that stands still. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy()).once('connect', () => socket.end());
  });
}
