// Runs built tests on another Node: node scripts/test-on-node.mjs <major> [part of a path]…
// That Node is fetched from the package registry into a temporary directory and removed again; the project's own
// dependencies are used as they are. Exits as the tests do. WR_NODE_DIR names a directory to keep fetched Nodes in.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { options, root, testFiles } from './test-files.mjs';

const [major, ...wanted] = process.argv.slice(2);
if (!/^\d+$/.test(major ?? '')) {
  console.error('usage: node scripts/test-on-node.mjs <major version> [part of a path]…');
  process.exit(2);
}

const kept = process.env.WR_NODE_DIR;
const directory = kept ? join(resolve(kept), major) : mkdtempSync(join(tmpdir(), `wr-node-${major}-`));
let code = 1;
try {
  code = runTests(fetchNode());
} finally {
  if (!kept) rmSync(directory, { recursive: true, force: true });
}
process.exit(code);

/** Path of the program. */
function fetchNode() {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const program = join(directory, 'node_modules', name, 'bin', 'node');
  if (existsSync(program)) return program;
  mkdirSync(directory, { recursive: true });
  // Without a package.json here npm would look for one further up.
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  const quiet = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error'];
  run('npm', ['install', '--prefix', directory, ...quiet, `${name}@${major}`], directory);
  if (!existsSync(program)) throw new Error(`${name}@${major} holds no bin/node`);
  return program;
}

function runTests(program) {
  const files = testFiles(wanted);
  const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`Node ${version}: ${files.length} test files`);
  // Programs that tests start must be of this Node, too, when they are found by name.
  const path = `${dirname(program)}:${process.env.PATH}`;
  const { status, error } = spawnSync(program, [...options, ...files], {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: 'inherit',
  });
  if (error) throw error;
  return status ?? 1;
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]} failed with ${status}`);
}
