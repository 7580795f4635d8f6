/**
 * Reads a command line into flags (spec: cli.md §1.2), without a library.
 *
 * It brings the forms that meow does not know into one for `parse.ts`. Loading meow takes a fifth of the 150 ms in which
 * `wr status` is to answer, so commands whose start is waited for take their flags from here; a test holds the two equal.
 */
import { closestOf } from '../core/closest.ts';
import { parseIntegerOption } from '../core/job-fields.ts';
import { type FlagSpec, type FlagSpecs, GLOBAL_FLAGS, HelpAsked, type Parsed, UsageError } from './flags.ts';

const TRUE_WORDS: readonly string[] = ['1', 't', 'true'];
const FALSE_WORDS: readonly string[] = ['0', 'f', 'false'];

/** The same as `parse` of `parse.ts`. */
export function readFlags<const Specs extends FlagSpecs>(
  argv: readonly string[],
  specs: Specs,
): Parsed<Specs> {
  const all: FlagSpecs = { ...specs, ...GLOBAL_FLAGS };
  const { values, positionals } = readArguments(argv, all);
  const flags: Record<string, unknown> = {};
  for (const [name, text] of values) flags[camel(name)] = typedValue(name, all[name]?.type ?? 'string', text);
  return { flags: flags as Parsed<Specs>['flags'], positionals };
}

/** @throws {UsageError} for a number that is none */
export function typedValue(name: string, type: FlagSpec['type'], text: string): string | number | boolean {
  if (type === 'boolean') return text === 'true';
  if (type === 'string') return text;
  try {
    return parseIntegerOption(text, `--${name}`, -INTEGER_MAX, INTEGER_MAX);
  } catch (cause) {
    throw new UsageError(`--${name} needs a whole number, not "${text}"`, { cause });
  }
}

const INTEGER_MAX = 2 ** 31 - 1;

export function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export interface RawArguments {
  /** The last value of each flag, by its long name. */
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/**
 * GNU forms: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value`, `-zi value`, and `--` to end the flags.
 * @throws {UsageError} an unknown flag, a value that is missing or wrong
 * @throws {HelpAsked}
 */
export function readArguments(argv: readonly string[], specs: FlagSpecs): RawArguments {
  const values = new Map<string, string>();
  const positionals: string[] = [];
  const byShort = new Map(
    Object.entries(specs).flatMap(([name, { short }]) => (short === undefined ? [] : [[short, name]])),
  );
  let at = 0;
  const next = (flag: string): string => {
    const value = argv[at];
    if (value === undefined) throw new UsageError(`${flag} needs a value`);
    at += 1;
    return value;
  };
  const set = (name: string, flag: string, attached: string | undefined): void => {
    const boolean = specs[name]?.type === 'boolean';
    const text = attached ?? (boolean ? 'true' : next(flag));
    values.delete(name); // The last one wins.
    values.set(name, boolean ? booleanWord(flag, text) : text);
  };
  while (at < argv.length) {
    const argument = argv[at] ?? '';
    at += 1;
    if (argument === '--') {
      positionals.push(...argv.slice(at));
      break;
    }
    if (argument.startsWith('--')) {
      const equals = argument.indexOf('=');
      const written = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
      const name = Object.hasOwn(specs, written) ? written : written.replaceAll('-', '_');
      if (!Object.hasOwn(specs, name)) throw unknownFlag(`--${written}`, specs);
      set(name, `--${name}`, equals < 0 ? undefined : argument.slice(equals + 1));
    } else if (argument.startsWith('-') && argument.length > 1) {
      readShort(argument.slice(1), byShort, specs, set);
    } else {
      positionals.push(argument);
    }
  }
  if (values.get('help') === 'true') throw new HelpAsked();
  return { values, positionals };
}

function readShort(
  letters: string,
  byShort: ReadonlyMap<string, string>,
  specs: FlagSpecs,
  set: (name: string, flag: string, attached: string | undefined) => void,
): void {
  for (let i = 0; i < letters.length; i += 1) {
    const flag = `-${letters[i]}`;
    const name = byShort.get(letters[i] ?? '');
    if (name === undefined) throw unknownFlag(flag, specs);
    const rest = letters.slice(i + 1);
    const attached = rest.startsWith('=') ? rest.slice(1) : rest;
    const switchAlone = specs[name]?.type === 'boolean' && attached === rest;
    set(name, flag, switchAlone || rest === '' ? undefined : attached);
    if (!switchAlone) return;
  }
}

function booleanWord(flag: string, text: string): string {
  const word = text.toLowerCase();
  if (TRUE_WORDS.includes(word)) return 'true';
  if (FALSE_WORDS.includes(word)) return 'false';
  throw new UsageError(`${flag} is a switch: it takes =true or =false, not "${text}"`);
}

function unknownFlag(flag: string, specs: FlagSpecs): UsageError {
  const closest = closestOf(flag.replace(/^-+/, '').replaceAll('-', '_'), Object.keys(specs));
  return new UsageError(
    `unknown flag ${flag}${closest === null || !flag.startsWith('--') ? '' : `; did you mean --${closest}?`}`,
  );
}
