#!/usr/bin/env node
/**
 * The `wr` executable: finds the subcommand, runs it and turns what it throws into a message and an exit code.
 *
 * Only what every command needs is imported here; the rest is loaded by the command that uses it, as the time from the
 * shell to the first byte of an answer is spent mostly on loading code.
 */
import { basename } from 'node:path';
import { asWrError } from '../core/errors.ts';
import type { Command, Context } from './command.ts';
import { LSF_NAMES } from './command-table.ts';
import { findCommand, groupHelp } from './find-command.ts';
import { HelpAsked, UsageError } from './flags.ts';
import { makeContext } from './process-context.ts';

/** @returns the exit code (cli.md §1.4) */
export async function main(programPath: string, argv: readonly string[], context: Context): Promise<number> {
  let command: Command | undefined;
  try {
    const name = basename(programPath);
    const words = [...(LSF_NAMES.includes(name) ? ['lsf', name] : []), ...argv];
    // It belongs to bjobs, whose callers put it anywhere.
    const found = findCommand(
      words.filter((word) => !isNoHeader(word)),
      context.commands,
    );
    if (found.kind === 'group') {
      await tellHelp(groupHelp(found.path, found.children), context);
      return 0;
    }
    command = await found.entry.load();
    const noHeader = found.entry.name === 'bjobs' && words.some(isNoHeader);
    return await command.run([...(noHeader ? ['--noheader'] : []), ...found.argv], context);
  } catch (thrown) {
    if (thrown instanceof HelpAsked) {
      await tellHelp(command?.help ?? '', context);
      return 0;
    }
    context.log.error(asWrError(thrown));
    if (thrown instanceof UsageError)
      context.err(command === undefined ? 'See wr --help.\n' : usageOf(command.help));
    return 1;
  }
}

/** LSF's way to write it: one dash, and a word. */
function isNoHeader(word: string): boolean {
  return word.startsWith('-noheader');
}

async function tellHelp(text: string, context: Context): Promise<void> {
  // Loaded only now, as other calls do without.
  const { fittedHelp } = await import('./output/fit-help.ts');
  await context.out(fittedHelp(text, context));
}

/** The lines of a help text that show how the command is called. */
function usageOf(help: string): string {
  const usage = /^Usage:\n(?: .*\n)+/m.exec(help);
  return `${usage?.[0] ?? ''}See --help for its flags.\n`;
}

/** Resolves when a stream has handed on all it was given: an exit would drop what a slow reader has not taken yet. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

// An import by a test runs nothing.
if (import.meta.filename === (await import('node:fs')).realpathSync(process.argv[1] ?? '.')) {
  const context = makeContext();
  process.on('uncaughtException', (thrown) => {
    if (process.listenerCount('uncaughtException') > 1) return; // The command itself sees to it.
    context.log.debug(String(thrown instanceof Error ? thrown.stack : thrown));
    context.log.error(asWrError(thrown));
    process.exit(1);
  });
  const code = await main(process.argv[1] ?? 'wr', process.argv.slice(2), context);
  await written(process.stdout);
  await written(process.stderr);
  process.exit(code);
}
