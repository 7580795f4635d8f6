// Runs after tsc: drops what was built from sources that are gone, and makes the binary executable.
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const BUILT = /(\.js|\.js\.map)$/;

// A test whose source was deleted or renamed would otherwise go on passing for ever.
for (const entry of readdirSync(dist, { recursive: true })) {
  const name = String(entry);
  if (!BUILT.test(name)) continue;
  if (!existsSync(join(root, name.replace(BUILT, '.ts')))) rmSync(join(dist, name), { force: true });
}

const binary = join(dist, 'cli', 'main.js');
if (existsSync(binary)) chmodSync(binary, 0o755);

// A directory for the PATH of commands, in which `wr` is called so however wr itself was started.
const bin = join(dist, 'bin');
mkdirSync(bin, { recursive: true });
rmSync(join(bin, 'wr'), { force: true });
symlinkSync(join('..', 'cli', 'main.js'), join(bin, 'wr'));
