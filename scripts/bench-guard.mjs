// Compares this tree's speed with that of the merge base: both are built, their processes are timed in turn within one
// run, and the median over the rounds may not be more than LOSS_MAX worse. Skips, saying so, when there is nothing to
// compare with.
//
//   npm run bench:guard [-- --base COMMIT]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const LOSS_MAX = 0.15;
const BRANCHES = ['origin/main', 'main'];
/** What the measured processes are made of. */
const MEASURED = [
  'core',
  'store',
  'workers',
  'server',
  'cli',
  'bench/guard',
  'package.json',
  'package-lock.json',
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { base: { type: 'string' } } });

function git(...args) {
  return execFileSync('git', args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

function tryGit(...args) {
  try {
    return git(...args);
  } catch {
    return '';
  }
}

/** The commit that this tree's changes start from; '' when it starts from nothing. */
function findBase() {
  if (values.base !== undefined) return git('rev-parse', `${values.base}^{commit}`);
  const head = tryGit('rev-parse', 'HEAD');
  for (const branch of BRANCHES) {
    const base = tryGit('merge-base', 'HEAD', branch);
    if (base !== '' && base !== head) return base;
  }
  // On the main branch itself: the commit before.
  return tryGit('rev-parse', 'HEAD^');
}

function skip(why) {
  console.log(`bench:guard skipped: ${why}`);
  return 0;
}

/** @returns the exit code */
async function main() {
  const base = findBase();
  if (base === '') return skip('there is no merge base');
  const name = base.slice(0, 8);
  const has = (path) => tryGit('cat-file', '-t', `${base}:${path}`) !== '';
  if (!has('bench/guard/tasks.ts')) return skip(`${name} has no bench:guard of its own`);
  if (!has('cli/main.ts')) return skip(`${name} has no wr to measure`);
  if (tryGit('diff', '--name-only', base, '--', ...MEASURED) === '')
    return skip(`nothing that is measured changed since ${name}`);

  const dir = mkdtempSync(join(tmpdir(), 'wr-guard-'));
  const tree = join(dir, 'base');
  try {
    git('worktree', 'add', '--detach', tree, base);
    if (!build(tree, base)) return skip(`${name} does not build`);
    const guard = await import(pathToFileURL(join(root, 'dist', 'bench', 'guard', 'compare.js')).href);
    const lost = await guard.compare({
      ownBinary: join(root, 'dist', 'cli', 'main.js'),
      baseBinary: join(tree, 'dist', 'cli', 'main.js'),
      baseName: name,
      lossMax: LOSS_MAX,
    });
    return lost ? 1 : 0;
  } finally {
    tryGit('worktree', 'remove', '--force', tree);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The same packages when the lock file is the same, else the base's own. */
function build(tree, base) {
  const sameLock = tryGit('diff', '--stat', base, '--', 'package-lock.json') === '';
  if (sameLock) symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  else execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: tree, stdio: 'inherit' });
  // A base that does not compile cleanly may still run.
  const tsc = join(tree, 'node_modules', 'typescript', 'bin', 'tsc');
  spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: tree, stdio: 'ignore' });
  return existsSync(join(tree, 'dist', 'cli', 'main.js'));
}

process.exit(await main());
