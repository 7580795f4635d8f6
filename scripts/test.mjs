// Runs every built test: node scripts/test.mjs [part of a path]…
import { spawn } from 'node:child_process';
import { options, root, testFiles } from './test-files.mjs';

const files = testFiles(process.argv.slice(2));
const child = spawn(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));
