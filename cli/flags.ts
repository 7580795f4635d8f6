/** How a subcommand says which flags it takes, and the flags as it gets them. Apart from `parse.ts`, which loads meow. */
import { WrError } from '../core/errors.ts';

export interface FlagSpec {
  readonly type: 'string' | 'boolean' | 'integer';
  /** One letter. */
  readonly short?: string;
  /** The words it takes, where these are few: for completion. */
  readonly values?: readonly string[];
  /** Of no use to people. */
  readonly hidden?: boolean;
}

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type Camel<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Head}${Capitalize<Camel<Rest>>}`
  : Name;
type ValueOf<Spec extends FlagSpec> = Spec['type'] extends 'boolean'
  ? boolean
  : Spec['type'] extends 'integer'
    ? number
    : string;

/** Only what was given on the command line: defaults come from the configuration. */
export type Flags<Specs extends FlagSpecs> = {
  readonly [Name in keyof Specs & string as Camel<Name>]?: ValueOf<Specs[Name]>;
};

export interface Parsed<Specs extends FlagSpecs> {
  readonly flags: Flags<Specs & typeof GLOBAL_FLAGS>;
  readonly positionals: readonly string[];
}

/** Flags of every command. */
export const GLOBAL_FLAGS = {
  deployment: { type: 'string', values: ['production', 'development'] },
  help: { type: 'boolean', short: 'h' },
} as const satisfies FlagSpecs;

/** The command line cannot be understood: the usage is shown with the error, instead of a hint where to find it. */
export class UsageError extends WrError {
  constructor(message: string, options?: ErrorOptions) {
    super('BAD_OPTION', message, { ...options, hint: '' });
  }
}

/** `--help` was among the flags. */
export class HelpAsked extends Error {}
