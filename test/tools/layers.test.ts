import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

// Seen from dist/test/tools.
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What each folder must not do, by file. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  'core/imports-store.ts': "import type { A } from '../store/a.ts';\nexport type B = A;\n",
  'core/imports-files.ts': "import { readFileSync } from 'node:fs';\nexport const b = readFileSync;\n",
  'core/reads-clock.ts': 'export const b = Date.now();\n',
  'core/makes-date.ts': 'export const b = new Date();\n',
  'core/throws-dice.ts': 'export const b = Math.random();\n',
  'core/sets-timer.ts': 'export const b = setTimeout(() => 1, 2);\n',
  'core/reads-environment.ts': 'export const b = process.env.HOME;\n',
  'store/imports-server.ts': "import { a } from '../server/a.ts';\nexport const b = a;\n",
  'store/names-lmdb.ts': "import { open } from 'lmdb';\nexport const b = open;\n",
  'workers/imports-server.ts': "import { a } from '../server/a.ts';\nexport const b = a;\n",
  'server/imports-cli.ts': "import { a } from '../cli/a.ts';\nexport const b = a;\n",
  'server/transport/names-uws.ts': "import { App } from 'uWebSockets.js';\nexport const b = App;\n",
  'cli/imports-store.ts': "import { a } from '../store/a.ts';\nexport const b = a;\n",
  'cli/commands/imports-server.ts': "import type { A } from '../../server/a.ts';\nexport type B = A;\n",
  'cli/cycle.ts': "import { a } from './cycle-back.ts';\nexport const b: number = a;\n",
  'cli/cycle-back.ts': "import { b } from './cycle.ts';\nexport const a: number = b;\n",
};

const ALLOWED: Readonly<Record<string, string>> = {
  'core/a.ts':
    "import { hash } from 'node:crypto';\nexport const a = (text: string) => hash('md5', text) + new Date(0);\n",
  'store/lmdb.ts':
    "import { open } from 'lmdb';\nimport { a } from '../core/a.ts';\nexport const b = [open, a];\n",
  'workers/reads.ts': "import { b } from '../store/lmdb.ts';\nexport const c = b;\n",
  'server/a.ts':
    "import type { c } from '../workers/reads.ts';\nexport const a = (now = Date.now()): [typeof c, number] => [[], now];\n",
  'server/transport/uws.ts': "import { App } from 'uWebSockets.js';\nexport const b = App;\n",
  'cli/ask.ts': "import { a } from '../core/a.ts';\nexport const b = a;\n",
};

describe('lint', () => {
  let dir = '';
  let refused = new Set<string>();

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'wr-lint-'));
    for (const name of ['biome.json', '.gitignore', 'scripts/lint'])
      cpSync(join(ROOT, name), join(dir, name), { recursive: true });
    for (const [name, text] of Object.entries({ ...FORBIDDEN, ...ALLOWED })) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8' });
    const report = JSON.parse(stdout) as {
      diagnostics: { severity: string; location: { path: string | { file: string } } }[];
    };
    const paths = report.diagnostics
      .filter(({ severity }) => severity === 'error')
      .map(({ location: { path } }) => (typeof path === 'string' ? path : path.file));
    refused = new Set(paths.map((path) => path.replace(/^\.\//, '')));
  });

  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const name of Object.keys(FORBIDDEN)) {
    it(`refuses ${name}`, () => assert.ok(refused.has(name), [...refused].join(' ')));
  }

  for (const name of Object.keys(ALLOWED)) {
    it(`lets ${name} be`, () => assert.ok(!refused.has(name)));
  }
});
