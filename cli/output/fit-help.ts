/**
 * Help is written for 120 columns. On a narrower terminal its paragraphs and descriptions are broken anew, the latter below
 * each other:
 *
 * ```
 *   -e, --dep_grps string     dependency groups that the commands
 *                             belong to, comma-separated
 * ```
 *
 * What stands there to be copied, lines indented and in one piece, is left as it is.
 */

import type { Context } from '../command.ts';

/** Narrower than this, everything is a line of its own anyway. */
const COLUMNS_MIN = 40;
/** Text that begins as far right as this goes on describing the line before. */
const DESCRIPTION_FROM = 7;

interface Block {
  /** What its first line begins with, as far as the column where text is broken to. */
  readonly head: string;
  words: string[];
  /** Lines that follow may belong to it. */
  open: boolean;
}

/** Help as it is to be printed: broken anew only where it is read from a terminal. */
export function fittedHelp(
  text: string,
  { outTerminal, columns }: Pick<Context, 'outTerminal' | 'columns'>,
): string {
  return outTerminal ? fitHelp(text, columns) : text;
}

/** @param columns - of the terminal */
export function fitHelp(text: string, columns: number): string {
  const width = Math.max(COLUMNS_MIN, columns);
  const lines = text.split('\n');
  if (lines.every((line) => line.length <= width)) return text;
  const blocks: (Block | string)[] = [];
  for (const line of lines) {
    const last = blocks.at(-1);
    if (typeof last === 'object' && last.open && goesOn(last, line)) {
      last.words.push(...wordsOf(line));
      last.open = !line.endsWith(':');
    } else blocks.push(blockOf(line));
  }
  return blocks.map((block) => (typeof block === 'string' ? block : broken(block, width))).join('\n');
}

/** A string is left as it is. */
function blockOf(line: string): Block | string {
  const indent = indentOf(line);
  const described = descriptionAt(line);
  if (line === '') return line;
  if (described > 0)
    return { head: line.slice(0, described), words: wordsOf(line.slice(described)), open: true };
  // A list of flags is broken by itself; other lines of little indent are examples.
  const isText = indent === 0 || indent >= DESCRIPTION_FROM;
  if (!isText && line[indent] !== '-') return line;
  return { head: ' '.repeat(indent), words: wordsOf(line), open: isText && !line.endsWith(':') };
}

function goesOn({ head }: Block, line: string): boolean {
  return line !== '' && indentOf(line) === head.length && descriptionAt(line) === 0;
}

/** Where a description begins behind what it describes; 0: there is none. */
function descriptionAt(line: string): number {
  return /^ +\S.*? {2,}(?=\S)/.exec(line)?.[0].length ?? 0;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function wordsOf(line: string): string[] {
  return line.trim().split(' ');
}

function broken({ head, words }: Block, width: number): string {
  const lines: string[] = [];
  let line = head;
  let isFirst = true;
  for (const word of words) {
    if (!isFirst && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(head.length);
      isFirst = true;
    }
    line += isFirst ? word : ` ${word}`;
    isFirst = false;
  }
  return [...lines, line].join('\n');
}
