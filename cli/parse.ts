/**
 * The one wrapper of meow, which gives flags as the rest of the program knows them (spec: cli.md §1.2).
 *
 * meow knows no `-fvalue`, leaves unknown flags to exit code 2, gathers repeated flags and takes quotes off values. So the
 * arguments are first brought into the one form in which it can do no harm: `--long==value`, each flag once, then `--` and
 * the positionals. The second `=` belongs to the value, so that it never begins with a quote; it is taken off again.
 */
import meow from 'meow';
import { type FlagSpecs, GLOBAL_FLAGS, type Parsed } from './flags.ts';
import { camel, readArguments, typedValue } from './read-flags.ts';

/**
 * @param specs - flags by their names on the command line; in the answer they are in camel case
 * @throws {UsageError} an unknown flag, a value that is missing or wrong
 * @throws {HelpAsked}
 */
export function parse<const Specs extends FlagSpecs>(argv: readonly string[], specs: Specs): Parsed<Specs> {
  const all: FlagSpecs = { ...specs, ...GLOBAL_FLAGS };
  const { values, positionals } = readArguments(argv, all);
  const canonical = [...values].map(
    ([name, value]) =>
      `--${name.replaceAll('_', '-')}=${all[name]?.type === 'boolean' ? value : `=${value}`}`,
  );
  const result = withOwnTitle(() =>
    meow({
      importMeta: import.meta,
      argv: [...canonical, '--', ...positionals],
      flags: Object.fromEntries(
        Object.entries(all).map(
          ([name, { type }]) => [camel(name), { type: type === 'boolean' ? 'boolean' : 'string' }] as const,
        ),
      ),
      pkg: { name: 'wr' },
      booleanDefault: undefined,
      allowUnknownFlags: false,
      autoHelp: false,
      autoVersion: false,
      description: false,
      help: false,
    }),
  );
  const flags: Record<string, unknown> = {};
  for (const [name, { type }] of Object.entries(all)) {
    const value: unknown = result.flags[camel(name)];
    if (value === undefined) continue;
    flags[camel(name)] = type === 'boolean' ? value : typedValue(name, type, String(value).slice(1));
  }
  return { flags: flags as Parsed<Specs>['flags'], positionals: result.input };
}

/** meow names the process after the program, which would write over the command line that `ps` shows. */
function withOwnTitle<Result>(call: () => Result): Result {
  Object.defineProperty(process, 'title', {
    value: process.title,
    writable: true,
    configurable: true,
    enumerable: true,
  });
  return call();
}
