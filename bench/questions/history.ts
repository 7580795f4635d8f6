/** Asks: how long does `wr status` take over commands that completed long ago, by group, by key, and all of them as JSON? */
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { plainLine } from '../harness/files.ts';
import { type BenchManager, readMemory, runProcess } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import {
  type Context,
  NO_RUNNERS,
  type Question,
  scaled,
  settle,
  sizeName,
  withManager,
} from './question.ts';

const WRITER = fileURLToPath(
  new URL(`../harness/history-writer${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);
const GROUP = 'history';
const COUNTS_MS = 200;
const DETAILS_MS = 300;
const JSON_PER_S = 50_000;
const KEY_MS = 150;
/** What a process may grow by while a listing goes through it, over what it has at first. */
const FLAT_MB = 64;
const SAMPLE_MS = 100;

/** A manager over a database with `count` completed commands. */
function withHistory<T>(
  context: Context,
  count: number,
  use: (manager: BenchManager) => Promise<T>,
): Promise<T> {
  return withManager(context, NO_RUNNERS, async (manager) => {
    await manager.wr(['manager', 'stop']);
    const written = await runProcess(process.execPath, [
      WRITER,
      join(manager.managerDir, 'db'),
      String(count),
      GROUP,
    ]);
    if (written.code !== 0) throw new Error(`no history was written: ${written.stderr}`);
    await manager.launch();
    // Else the system goes on writing what was written, and is at that while it is asked.
    await runProcess('sync', []);
    await settle(context);
    return use(manager);
  });
}

async function timed(
  { rounds }: Context,
  figure: string,
  targetMs: number,
  call: () => Promise<{ readonly wallMs: number; readonly stdout: string }>,
  expected: string,
): Promise<Row> {
  const times: number[] = [];
  const starts: number[] = [];
  for (let time = 0; time < 2 * rounds + 1; time += 1) {
    starts.push((await runProcess(process.execPath, ['-e', '0'])).wallMs);
    const { wallMs, stdout } = await call();
    if (!stdout.includes(expected)) throw new Error(`unexpected answer: ${stdout.slice(0, 500)}`);
    times.push(wallMs);
  }
  const measured = median(times);
  const reference = median(starts);
  return {
    figure,
    target: `≤ ${seconds(targetMs)}`,
    measured: seconds(measured),
    reference: `${seconds(reference)} node -e 0`,
    ratio: (measured / reference).toFixed(2),
    met: measured <= targetMs,
  };
}

interface Streamed {
  readonly wallMs: number;
  readonly jobs: number;
  /** How much the processes grew after the first second, MB. */
  readonly cliMb: number;
  readonly managerMb: number;
}

/** `status -o json` of all, its output read as fast as it comes. */
async function stream(manager: BenchManager): Promise<Streamed> {
  const startedMs = performance.now();
  const child = manager.start(['status', '-i', GROUP, '-o', 'json', '--limit', '0']);
  let jobs = 0;
  let tail = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const text = tail + chunk.toString('latin1');
    for (let at = text.indexOf('"Key":'); at >= 0; at = text.indexOf('"Key":', at + 6)) jobs += 1;
    tail = text.slice(-5);
  });
  const cli: number[] = [];
  const server: number[] = [];
  const sampling = setInterval(() => {
    try {
      cli.push(readMemory(child.pid ?? 0).anonymousBytes);
      server.push(manager.memory().anonymousBytes);
    } catch {
      // It has just ended.
    }
  }, SAMPLE_MS);
  await new Promise((resolve) => child.on('close', resolve));
  clearInterval(sampling);
  return { wallMs: performance.now() - startedMs, jobs, cliMb: growth(cli), managerMb: growth(server) };
}

/** From what it was when things had got going to the most it came to. */
function growth(samples: readonly number[]): number {
  const begin = Math.floor(samples.length / 5);
  return (Math.max(...samples.slice(begin)) - (samples[begin] ?? 0)) / 1e6;
}

async function ask(context: Context): Promise<Row[]> {
  const group = scaled(context, 1e6);
  return withHistory(context, group, async (manager) => {
    const name = sizeName(group);
    const status = (...flags: string[]) => manager.wr(['status', '-i', GROUP, ...flags]);
    const counts = `counts of a group of ${name} complete`;
    const details = `first page of details of a group of ${name} complete`;
    const streamed = await stream(manager);
    if (streamed.jobs !== group) throw new Error(`${streamed.jobs} of ${group} commands were listed`);
    const rate = (group * 1000) / streamed.wallMs;
    const grown = `${Math.max(0, streamed.cliMb).toFixed(0)} MB wr, ${Math.max(0, streamed.managerMb).toFixed(0)} MB manager`;
    return [
      await timed(context, counts, COUNTS_MS, () => status('-o', 'counts'), `complete: ${group}\n`),
      await timed(context, details, DETAILS_MS, () => status(), 'Status: complete'),
      {
        figure: `status -o json of ${name} complete`,
        target: `≥ ${JSON_PER_S.toLocaleString('en')}/s, flat`,
        measured: `${Math.round(rate).toLocaleString('en')}/s`,
        reference: `grew by ${grown}`,
        ratio: '',
        met: rate >= JSON_PER_S && streamed.cliMb < FLAT_MB && streamed.managerMb < FLAT_MB,
      },
    ];
  });
}

async function askByKey(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e7);
  const key = jobKeyHex(plainLine(Math.floor(count / 3)), DEFAULT_JOB_OPTIONS);
  return withHistory(context, count, async (manager) => [
    await timed(
      context,
      `status by key among ${sizeName(count)} complete`,
      KEY_MS,
      () => manager.wr(['status', '-y', '-i', key]),
      'Status: complete',
    ),
  ]);
}

export const history: Question = {
  name: 'history',
  asks: 'How fast is what completed long ago shown?',
  ask,
};

export const historyKey: Question = {
  name: 'history-key',
  asks: 'How fast is one command found among ten million that completed?',
  ask: askByKey,
};
