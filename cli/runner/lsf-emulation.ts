/**
 * What a command with a bsub mode finds instead of LSF (spec: jobs.md §21): a directory at the head of its PATH in which
 * bsub, bjobs and bkill are links to wr, and variables that tell them of the job and keep LSF's own settings away.
 *
 * The directories stand in the runner's private one, so that those of a runner that was killed are removed with it.
 */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { JobOptions } from '../../core/job-options.ts';
import { type ByteString, toByteString } from './bytes.ts';
import type { NestedUse } from './environment.ts';

const NAMES = ['bsub', 'bjobs', 'bkill'] as const;
const NANOSECONDS = 1e6;

/** What one command was given. */
export interface Emulation {
  readonly dir: string;
  readonly variables: readonly (readonly [string, ByteString])[];
}

export class LsfEmulation {
  readonly #parent: string;
  readonly #nested: NestedUse;
  readonly #shell: string;

  /**
   * @param parent - where the directories are made
   * @param shell - absolute path of the shell that commands are given to
   */
  constructor(parent: string, nested: NestedUse, shell: string) {
    this.#parent = parent;
    this.#nested = nested;
    this.#shell = shell;
  }

  /**
   * @param path - the command's PATH
   * @throws what the file system does; nothing is left behind
   */
  make(options: JobOptions, path: ByteString): Emulation {
    const dir = mkdtempSync(join(this.#parent, '.wr_lsf_emulation'));
    try {
      for (const name of NAMES) symlinkSync(this.#nested.program, join(dir, name));
    } catch (cause) {
      removeEmulation({ dir, variables: [] });
      throw cause;
    }
    return { dir, variables: this.#variables(options, toByteString(dir), path) };
  }

  #variables(options: JobOptions, dir: ByteString, path: ByteString): [string, ByteString][] {
    return [
      ['PATH', path === '' ? dir : `${dir}:${path}`],
      ['WR_BSUB_CONFIG', toByteString(bsubConfig(options))],
      ['WR_MANAGER_HOST', this.#managerIs('HOST')],
      ['WR_MANAGER_PORT', this.#managerIs('PORT')],
      ['LSF_SERVERDIR', '/dev/null'],
      ['LSF_LIBDIR', '/dev/null'],
      ['LSF_ENVDIR', '/dev/null'],
      ['LSF_BINDIR', dir],
      ['SHELL', toByteString(this.#shell)],
    ];
  }

  /** The same as nested use is told, under the name that programs made for LSF and wr know. */
  #managerIs(what: 'HOST' | 'PORT'): ByteString {
    return toByteString(this.#nested.variables[`WR_MANAGER${what}`] ?? '');
  }
}

/** What `cli/lsf/parent-job.ts` reads, in the form and units of the Go program. */
function bsubConfig({ memoryMb, timeMs, cpus, diskGb, other, bsubMode, mounts }: JobOptions): string {
  return JSON.stringify({
    // Shared disks are there without being mounted.
    ...(mounts.length > 0 && other.cloud_shared === undefined ? { MountConfigs: mounts } : {}),
    Requirements: { RAM: memoryMb, Time: timeMs * NANOSECONDS, Cores: cpus, Disk: diskGb, Other: other },
    BsubMode: bsubMode,
    Host: hostname(),
  });
}

/** Nothing but links is in it: what they lead to stays. */
export function removeEmulation({ dir }: Emulation): void {
  rmSync(dir, { recursive: true, force: true });
}
