/** The command files that are added, written once per run and shared by the questions. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK_LINES = 20_000;

export type LineMaker = (index: number) => string;

/** A short command, distinct in its argument only: with its key about 28 bytes, the floor that the figures name for the disk. */
export function plainLine(index: number): string {
  return `echo ${index}`;
}

/** About 260 bytes: a long pipe, resources, groups, its own dep_grp and priority. */
export function jsonLine(index: number): string {
  return JSON.stringify({
    cmd: `samtools view -b /data/projects/tree_of_life/run7/lane${index % 8}/sample_${index}.cram | sort -k1,1 | gzip -6 -c > /data/projects/out/sample_${index}.gz`,
    memory: '2G',
    time: '30m',
    cpus: 1,
    rep_grp: 'align',
    req_grp: 'samtools',
    dep_grps: [`s${index}`],
    priority: index % 10,
  });
}

/** What trivial jobs run. Without quotes, as xargs would read those. */
export function trivialLine(index: number): string {
  return `true ${index}`;
}

/** The same with a word for the shell in it, so that it cannot be started without one. */
export function shellLine(index: number): string {
  return `true ${index};true`;
}

export class CommandFiles {
  readonly #dir = mkdtempSync(join(tmpdir(), 'wr-bench-files-'));

  /** The path of a file of `count` lines. */
  write(name: string, count: number, line: LineMaker): string {
    const path = join(this.#dir, `${name}-${count}.txt`);
    if (existsSync(path)) return path;
    const file = openSync(path, 'w');
    for (let from = 0; from < count; from += CHUNK_LINES) {
      let text = '';
      for (let index = from; index < Math.min(count, from + CHUNK_LINES); index += 1)
        text += `${line(index)}\n`;
      writeSync(file, text);
    }
    closeSync(file);
    return path;
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
