import { isErrorCode, WrError } from '../../core/errors.ts';
import type { Context } from '../command.ts';
import { runServer } from '../daemon.ts';
import { parse } from '../parse.ts';

export const flags = {} as const;

export const help = `Takes out of the database of a stopped manager what no command needs any more, writes it anew without the room that this
leaves, and puts that in the place of the old one once it is whole. There must be room for both.

Usage:
  wr manager compact
`;

interface Answer {
  readonly beforeBytes?: number;
  readonly afterBytes?: number;
  readonly code?: string;
  readonly message?: string;
}

export async function run(argv: readonly string[], context: Context): Promise<number> {
  const given = parse(argv, flags).flags;
  const config = await context.config(given.deployment);
  const said = await runServer({ config, flags: ['--compact'], env: { ...context.env } });
  const { beforeBytes = 0, afterBytes = 0, code, message } = readAnswer(said);
  if (message !== undefined) throw new WrError(isErrorCode(code) ? code : 'INTERNAL', message);
  await context.out(
    `Compacted ${config.dbFile}: ${megabytes(beforeBytes)} before, ${megabytes(afterBytes)} after\n`,
  );
  return 0;
}

function readAnswer(said: string): Answer {
  try {
    return JSON.parse(said) as Answer;
  } catch {
    return {
      message: `the database could not be compacted: ${said.trim() || 'the process ended without a word'}`,
    };
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
