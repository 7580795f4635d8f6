/** What every question is given, and how it answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandFiles } from '../harness/files.ts';
import type { ManagerOptions } from '../harness/manager.ts';
import { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';

export interface Context {
  readonly files: CommandFiles;
  /** 1: the sizes of the figures; smaller for a quick look, whose targets then mean little. */
  readonly scale: number;
  /** How often a timing is repeated; the median counts. */
  readonly rounds: number;
  /** The `dist/cli/main.js` to measure, when it is not this tree's. */
  readonly binary?: string;
  readonly say: (text: string) => void;
}

export interface Question {
  readonly name: string;
  /** The question itself, for the list. */
  readonly asks: string;
  readonly ask: (context: Context) => Promise<readonly Row[]>;
}

/** No runner starts for a command that needs a core: what is added stays queued. */
export const NO_RUNNERS: ManagerOptions = { flags: ['--scheduler', 'none'] };

const STARTED_MS = 2_000;

export async function withManager<T>(
  context: Context,
  options: ManagerOptions,
  use: (manager: BenchManager) => Promise<T>,
): Promise<T> {
  const binary = context.binary === undefined ? {} : { binary: context.binary };
  const manager = await BenchManager.start({ ...binary, ...options });
  // As one that users have had for a while: its threads are there.
  await sleep(STARTED_MS);
  try {
    return await use(manager);
  } finally {
    await manager.remove();
  }
}

/** The size of a figure at the scale asked for. */
export function scaled(context: Context, size: number): number {
  return Math.max(10, Math.round(size * context.scale));
}

/** "1 M", "10 M", "10,000". */
export function sizeName(size: number): string {
  return size >= 1e6 && size % 1e5 === 0 ? `${size / 1e6} M` : size.toLocaleString('en');
}

/** Adds a file and checks that all of it was new. @returns ms from process start to the answer */
export async function addAll(
  manager: BenchManager,
  path: string,
  count: number,
  repGroup = 'bench',
  flags: readonly string[] = [],
): Promise<number> {
  const { wallMs, stderr } = await manager.wr([
    'add',
    '-f',
    path,
    '-i',
    repGroup,
    '--disable_relative_check',
    ...flags,
  ]);
  if (!stderr.includes(`Added ${count} new commands (0 were duplicates)`))
    throw new Error(`unexpected answer: ${stderr}`);
  return wallMs;
}

/** How long something is to go on: a tenth of the time in a run so small that it only shows that all works. */
export function lasting(context: Context, ms: number): number {
  return context.scale < 0.1 ? ms / 10 : ms;
}

/** Lets garbage collection and background writing come to rest before memory or disk is read. */
export function settle(context: Context): Promise<void> {
  return sleep(lasting(context, 3_000));
}
