/**
 * The warning about commands that seem to use a path relative to the directory they are added from, where they will not
 * run (spec: cli.md §2.4).
 *
 * A big file is not read twice for it: only its first lines are looked at, as commands of a file are made alike.
 */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, normalize } from 'node:path';
import type { JobOptions } from '../core/job-options.ts';

const LINES_MAX = 200;
const LINE_CHARACTERS_MAX = 4096;
/** Directories with more entries than this are not compared. */
const ENTRIES_MAX = 10_000;

export class RelativePathCheck {
  readonly #options: JobOptions;
  readonly #cwd: string;
  readonly #path: string;
  readonly #entries = new Map<string, ReadonlySet<string>>();
  #lines = 0;
  readonly warnings: string[] = [];

  constructor(
    options: JobOptions,
    around: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
  ) {
    this.#options = options;
    this.#cwd = around.cwd;
    this.#path = around.env.PATH ?? '';
  }

  /** Whole lines of input. */
  look(bytes: Uint8Array): void {
    if (this.#lines >= LINES_MAX || this.warnings.length > 0) return;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 64 * 1024)).toString(
      'latin1',
    );
    for (const line of text.split('\n')) {
      this.#lines += 1;
      if (this.#lines > LINES_MAX || this.warnings.length > 0) return;
      if (line.length > 0 && line.length <= LINE_CHARACTERS_MAX) this.#lookAtLine(line);
    }
  }

  #lookAtLine(line: string): void {
    const { cmd, cwd, cwdMatters } = describe(line);
    if (cmd === '' || (cwdMatters ?? this.#options.cwdMatters)) return;
    const directory = cwd ?? this.#options.cwd;
    const word = relativeWord(cmd, this.#entriesOf(directory), (name) =>
      isProgram(name, this.#path, this.#cwd),
    );
    if (word === null) return;
    this.warnings.push(
      `"${word}" in a command seems to be a path relative to ${directory}, but commands run in directories of their own; use absolute paths or --cwd_matters`,
    );
  }

  #entriesOf(directory: string): ReadonlySet<string> {
    const known = this.#entries.get(directory);
    if (known !== undefined) return known;
    let names: string[] = [];
    try {
      names = readdirSync(isAbsolute(directory) ? directory : join(this.#cwd, directory));
    } catch {
      // It does not exist yet, so nothing in it can be meant.
    }
    const entries = new Set(names.length > ENTRIES_MAX ? [] : names);
    this.#entries.set(directory, entries);
    return entries;
  }
}

/** What a line says of its command, as far as it matters here; what is wrong with it the manager tells. */
function describe(line: string): {
  readonly cmd: string;
  readonly cwd?: string;
  readonly cwdMatters?: boolean;
} {
  const [first = '', second] = line.split('\t');
  const json = first.startsWith('{') ? first : second;
  if (json === undefined) return { cmd: first };
  try {
    const { cmd, cwd, cwd_matters } = JSON.parse(json) as Record<string, unknown>;
    const command = first.startsWith('{') ? cmd : first;
    return {
      cmd: typeof command === 'string' ? command : '',
      ...(typeof cwd === 'string' && cwd !== '' ? { cwd } : {}),
      ...(cwd_matters === true ? { cwdMatters: true } : {}),
    };
  } catch {
    return { cmd: '' };
  }
}

/**
 * The first word of a command that names an entry of its directory.
 * @param entries - names in the directory
 * @param isProgramName - whether the first word is found in `$PATH`
 */
export function relativeWord(
  cmd: string,
  entries: ReadonlySet<string>,
  isProgramName: (word: string) => boolean,
): string | null {
  if (entries.size === 0) return null;
  const words = shellWords(cmd);
  for (const [i, word] of words.entries()) {
    if (i === 0 && isProgramName(word)) continue;
    if (namesEntry(word, entries)) return word;
  }
  return null;
}

function namesEntry(word: string, entries: ReadonlySet<string>): boolean {
  const pattern = word.replace(/^\.\//, '').replace(/\/$/, '').replace(/\/\*$/, '');
  if (pattern !== '' && !pattern.includes('/')) {
    if (!/[*?[]/.test(pattern)) {
      if (entries.has(pattern)) return true;
    } else {
      const glob = globExpression(pattern);
      for (const entry of entries) if (glob?.test(entry)) return true;
    }
  }
  const trimmed = word.replace(/[);]$/, '');
  const parts = trimmed.split('=');
  return [word, parts.length === 2 ? (parts[1] ?? '') : trimmed].some((each) => {
    const path = normalize(each);
    return !isAbsolute(each) && entries.has(path.replace(/\/$/, ''));
  });
}

/** A shell pattern of one name as an expression; `null` when it is none. */
function globExpression(pattern: string): RegExp | null {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return null; // An open bracket.
  }
}

/** Splits at blanks outside quotes, which are taken off. */
function shellWords(cmd: string): string[] {
  const words: string[] = [];
  const word = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;
  for (const [text] of cmd.matchAll(word)) {
    words.push(
      text.replace(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'/gs,
        (_, double?: string, single?: string) => double ?? single ?? '',
      ),
    );
  }
  return words;
}

function isProgram(word: string, path: string, cwd: string): boolean {
  const places = word.includes('/')
    ? [join(cwd, word)]
    : path.split(delimiter).map((directory) => join(directory, word));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
