/** What the figures are measured against, in the same run on the same machine. */

import * as crypto from 'node:crypto';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runProcess } from './manager.ts';

type HashOnce = (algorithm: string, data: string, output: 'latin1') => string;
// There from Node 20.12 on; the fallback costs about three times as much.
const hashOnce = (crypto as unknown as { hash?: HashOnce }).hash;
const md5: (line: string) => string =
  hashOnce === undefined
    ? (line) => createHash('md5').update(line).digest('binary')
    : (line) => hashOnce('md5', line, 'latin1');

/** Reads, splits and hashes a file in this thread. @returns lines */
export async function readSplitHash(path: string): Promise<number> {
  let lines = 0;
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1', highWaterMark: 1 << 20 })) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) md5(line);
    lines += parts.length;
  }
  return lines;
}

/** A Node process that does {@link readSplitHash} and nothing else, start and end included: what an add cannot beat by far. */
export async function timeReadSplitHash(path: string): Promise<number> {
  const script = fileURLToPath(new URL('./read-split-hash.js', import.meta.url));
  return (await runProcess(process.execPath, [script, path])).wallMs;
}

/** `xargs -P2` over the same list: what running 10,000 trivial commands costs without keeping anything. */
export async function timeXargs(path: string): Promise<number> {
  return (await runProcess('xargs', ['-a', path, '-P2', '-I{}', 'bash', '-c', '{}'])).wallMs;
}
