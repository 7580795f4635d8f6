/**
 * Measures the figures of the project and prints one table.
 *
 *   npm run bench                      every question
 *   npm run bench -- add-1m run-10k    some of them
 *   npm run bench -- --scale 0.1       a tenth of the sizes
 *   npm run bench -- --rounds 5        more repetitions; the median counts
 *   npm run bench -- pieces            the parts, by tinybench
 *   npm run bench -- --list
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { CommandFiles } from './harness/files.ts';
import type { Row } from './harness/table.ts';
import { formatTable } from './harness/table.ts';
import { runPieces } from './pieces/run.ts';
import { QUESTIONS } from './questions/all.ts';
import type { Context, Question } from './questions/question.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    binary: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Other work on the machine makes every figure worse; the reader should know of it. */
function loadAverage(): string {
  return readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '?';
}

async function askAll(
  questions: readonly Question[],
  context: Context,
): Promise<{ rows: Row[]; failed: boolean }> {
  const rows: Row[] = [];
  let failed = false;
  for (const question of questions) {
    say(`… ${question.name}: ${question.asks} (load ${loadAverage()})`);
    try {
      rows.push(...(await question.ask(context)));
    } catch (error) {
      failed = true;
      const measured = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      say(error instanceof Error ? String(error.stack) : measured);
      rows.push({ figure: question.name, target: '', measured, reference: '', ratio: '', met: false });
    }
  }
  return { rows, failed };
}

async function main(): Promise<void> {
  if (values.list) {
    for (const { name, asks } of QUESTIONS) console.log(`${name.padEnd(14)} ${asks}`);
    return;
  }
  const unknown = positionals.filter(
    (name) => name !== 'pieces' && !QUESTIONS.some((question) => question.name === name),
  );
  if (unknown.length > 0) throw new Error(`no question is called ${unknown.join(', ')}; --list names them`);
  if (positionals.includes('pieces')) await runPieces();
  const asked = QUESTIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (asked.length === 0) return;
  const files = new CommandFiles();
  process.on('exit', () => files.remove());
  process.on('SIGINT', () => process.exit(130));
  const binary = values.binary === undefined ? {} : { binary: values.binary };
  const { rows, failed } = await askAll(asked, {
    files,
    scale: Number(values.scale),
    rounds: Number(values.rounds),
    ...binary,
    say,
  });
  console.log(
    `\nNode ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, load ${loadAverage()}\n`,
  );
  console.log(formatTable(rows));
  if (failed) process.exitCode = 1;
}

await main();
