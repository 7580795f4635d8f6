/**
 * `npm run demo [-- --dir FOLDER]`: a development manager in a temporary directory compresses every file below a folder (node_modules) and checks each
 * round trip. Some commands fail on purpose: one kind is mended and retried, the other stays buried to be looked at.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { StatusJob } from '../../core/status-job.ts';
import type { Finished } from '../harness/manager.ts';
import { BenchManager } from '../harness/manager.ts';
import { filesBelow, GROUPS, writeCommands } from './commands.ts';
import { describeLearned } from './learned.ts';
import { watch } from './progress.ts';

const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const { values } = parseArgs({ options: { dir: { type: 'string', default: NODE_MODULES } } });
const ASKED_MB = 200;
const PATIENCE_MS = 240_000;

function heading(text: string): void {
  console.log(`\n── ${text}`);
}

function show(command: string, finished: Finished): void {
  console.log(`$ wr ${command}`);
  for (const text of [finished.stderr, finished.stdout]) {
    if (text.trim() !== '') console.log(text.trim().replace(/^(\s*\n)+/gm, ''));
  }
}

async function demo(manager: BenchManager, dir: string): Promise<void> {
  const wr = async (...args: string[]): Promise<Finished> => {
    const finished = await manager.wr(args);
    show(args.join(' '), finished);
    return finished;
  };
  const work = join(manager.dir, 'work');
  const settings = join(work, 'settings');
  const outDir = join(work, 'archives');
  mkdirSync(outDir);
  const file = await writeCommands(filesBelow(dir), {
    file: join(work, 'commands.txt'),
    outDir,
    settings,
  });
  const total = file.compress + file.settings + file.hopeless;

  heading(
    `${total} commands: ${file.compress} compress a file and check the round trip; the rest fails on purpose`,
  );
  const resources = ['-m', `${ASKED_MB}M`, '-t', '1m'];
  await wr('add', '-f', file.path, '-i', GROUPS.compress, ...resources, '--disable_relative_check');

  heading('running');
  const probe = await manager.probe();
  try {
    await watch(probe, Object.values(GROUPS), total, PATIENCE_MS);

    heading(`${file.settings} commands are buried because a settings file is missing`);
    await wr('status', '-i', GROUPS.settings, '-b');
    const levels = Array.from({ length: file.settings }, (_, level) => `level${level}=1\n`);
    writeFileSync(settings, levels.join(''));
    console.log('(now the file is there)');
    await wr('retry', '-i', GROUPS.settings);
    await watch(probe, Object.values(GROUPS), total, PATIENCE_MS);

    heading('these stay buried until someone looks at them');
    await wr('status', '-i', GROUPS.hopeless, '-b', '--limit', '0');

    heading('summary');
    await wr('status', '-z', '-i', 'demo', '-o', 'summary');

    heading('learned');
    const listing = await manager.wr(['status', '-i', GROUPS.compress, '-o', 'json', '--limit', '0']);
    const jobs = JSON.parse(listing.stdout) as StatusJob[];
    console.log(describeLearned(jobs, ASKED_MB));
    await check(manager, file.compress, file.settings, file.hopeless);
  } finally {
    probe.close();
  }
}

/** The demo shows what is so, or fails. */
async function check(
  manager: BenchManager,
  compress: number,
  settings: number,
  hopeless: number,
): Promise<void> {
  const probe = await manager.probe();
  try {
    const wanted = [
      [GROUPS.compress, compress, 0],
      [GROUPS.settings, settings, 0],
      [GROUPS.hopeless, 0, hopeless],
    ] as const;
    for (const [group, complete, buried] of wanted) {
      const counts = await probe.counts(group);
      if (counts.complete !== complete || counts.buried !== buried) {
        throw new Error(
          `${group}: ${counts.complete} complete and ${counts.buried} buried, not ${complete} and ${buried}`,
        );
      }
    }
  } finally {
    probe.close();
  }
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  heading('a development manager in a temporary directory, on free ports');
  const manager = await BenchManager.start({ deployment: 'development' });
  console.log(`its files are in ${manager.managerDir}; pid ${manager.pid}`);
  // Asked for by Ctrl-C: the manager must not outlive its demo.
  process.once('SIGINT', () => void manager.remove().then(() => process.exit(130)));
  try {
    await demo(manager, resolve(values.dir));
    heading('stopping');
    show('manager stop', await manager.wr(['manager', 'stop']));
  } finally {
    await manager.remove();
  }
  console.log(`\ndone in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

await main();
