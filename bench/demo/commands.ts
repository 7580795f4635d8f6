/** The demo's command file: real work over real files, and some commands that cannot succeed at first or at all. */
import { createWriteStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** Report groups; all are found together by `wr status -z -i demo`. */
export const GROUPS = {
  compress: 'demo.compress',
  settings: 'demo.needs-settings',
  hopeless: 'demo.hopeless',
} as const;

export interface DemoFile {
  readonly path: string;
  /** Commands that compress and check. */
  readonly compress: number;
  /** Commands that fail until the settings file exists. */
  readonly settings: number;
  /** Commands that fail whatever one does. */
  readonly hopeless: number;
}

const SETTINGS_COMMANDS = 5;

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

/** Compress a file, then compare the checksum of what comes out of the archive with the file's own. */
function compressCommand(source: string, target: string): string {
  const [from, to] = [quote(source), quote(target)];
  return `gzip -c ${from} > ${to} && test "$(gzip -dc ${to} | md5sum)" = "$(md5sum < ${from})"`;
}

/** Every regular file below a folder. */
export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/**
 * Writes the command file in the shapes that `wr add` takes: plain lines, and JSON where a command says something of its own.
 * @param settingsPath - the file that the commands of `settings` look for
 */
export async function writeCommands(
  sources: readonly string[],
  paths: { readonly file: string; readonly outDir: string; readonly settings: string },
): Promise<DemoFile> {
  const out = createWriteStream(paths.file);
  for (const [index, source] of sources.entries()) {
    out.write(`${compressCommand(source, join(paths.outDir, `${index}.gz`))}\n`);
  }
  // No automatic retries: the wait before one is at least 30 s.
  for (let index = 0; index < SETTINGS_COMMANDS; index += 1) {
    const cmd = `grep -q "^level${index}=" ${quote(paths.settings)}`;
    out.write(`${JSON.stringify({ cmd, rep_grp: GROUPS.settings, retries: 0 })}\n`);
  }
  const hopeless = [
    { cmd: 'no-such-program --at-all', rep_grp: GROUPS.hopeless },
    { cmd: `gzip -t ${quote(sources[0] ?? '/etc/hostname')}`, rep_grp: GROUPS.hopeless, retries: 0 },
  ];
  for (const line of hopeless) out.write(`${JSON.stringify(line)}\n`);
  out.end();
  await finished(out);
  return {
    path: paths.file,
    compress: sources.length,
    settings: SETTINGS_COMMANDS,
    hopeless: hopeless.length,
  };
}
