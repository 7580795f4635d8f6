// Which built tests there are, and how they are run on any Node.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// A test that hangs fails after this, naming itself, instead of holding up everything.
const TEST_TIMEOUT_MS = 180_000;
// It waits for a minute and does nothing: that is to pass while the others run, not after them.
const FIRST = 'process/silence';

export const options = [
  '--enable-source-maps',
  '--test',
  '--test-reporter=spec',
  // Many wait for timers and disks, so that there is room for one more. Node's own choice leaves a core idle.
  `--test-concurrency=${availableParallelism() + 1}`,
  `--test-timeout=${TEST_TIMEOUT_MS}`,
];

/**
 * Paths below the root, in the order to run them; the runner of Node 20 knows no globs.
 * @param {readonly string[]} wanted - parts of paths; none: all of them
 */
export function testFiles(wanted) {
  const files = readdirSync(join(root, 'dist', 'test'), { recursive: true })
    .map((name) => join('dist', 'test', String(name)))
    .filter((name) => name.endsWith('.test.js'))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .sort();
  if (files.length > 0)
    return [
      ...files.filter((name) => name.includes(FIRST)),
      ...files.filter((name) => !name.includes(FIRST)),
    ];
  console.error(
    `no built test matches ${wanted.join(' ') || 'dist/test/**/*.test.js'}; run npm run build first`,
  );
  process.exit(1);
}
