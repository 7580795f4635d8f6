// Runs every built test: node scripts/test.mjs [part of a path]…
// Node 20's runner knows no globs, so the files are found here.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = process.argv.slice(2);
const files = readdirSync(join(root, 'dist', 'test'), { recursive: true })
  .map((name) => join('dist', 'test', String(name)))
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(
    `no built test matches ${wanted.join(' ') || 'dist/test/**/*.test.js'}; run npm run build first`,
  );
  process.exit(1);
}

// A test that hangs fails after this, naming itself, instead of holding up everything.
const TEST_TIMEOUT_MS = 180_000;
const options = [
  '--enable-source-maps',
  '--test',
  '--test-reporter=spec',
  `--test-concurrency=${availableParallelism()}`,
  `--test-timeout=${TEST_TIMEOUT_MS}`,
];
const child = spawn(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));
