/**
 * One line of a command file to a command and its options (spec: cli.md §2.1).
 *
 * ```
 * cmd                  the command, verbatim
 * {"cmd":…, …}         a JSON object with the command and its options
 * cmd TAB {…}          the command, and a JSON object of options
 * ```
 *
 * Most lines of a file say the same about their commands, in the same words. So what a line says about the fields of a
 * template is not read but looked up, by the raw values as they stand there; only a combination seen for the first time
 * is checked and made into a template. What jobs differ in (`DELTA_FIELDS`) is read for every line.
 */
import { type IndexRanges, parseArray } from './array-indexes.ts';
import { withoutCleanup } from './behaviours.ts';
import { readCmdDeps } from './command-dependencies.ts';
import { WrError } from './errors.ts';
import { type IdentityFrame, identityFrame } from './identity.ts';
import { BYTE_MAX, checkEnv, checkInteger } from './job-fields.ts';
import { type DraftOptions, type LineSurroundings, nonEmpty, TEMPLATE_KEYS } from './job-keys.ts';
import type { JobDelta, JobOptions } from './job-options.ts';
import { asNumber, asString, asStrings, isObject, type JsonObject, shown } from './json-values.ts';
import { deltaBetween, mergeDelta, templateJson } from './template.ts';

/** A template that lines of this input use. */
export interface LineTemplate {
  /** From 0, in the order of first use. */
  readonly index: number;
  readonly options: JobOptions;
  readonly json: string;
  readonly identity: IdentityFrame;
}

/** What a line's JSON says. */
export interface LineOptions {
  readonly template: LineTemplate;
  /** What the line says differently from its template, the priority excepted. */
  readonly delta: JobDelta | null;
  /** `null`: the template's. */
  readonly priority: number | null;
  /** The line set its report group itself. */
  readonly gaveRepGroup: boolean;
  /** It stands for a command for each of these; `null`: for one. */
  readonly array: IndexRanges | null;
}

/** What a line that is JSON as a whole says. */
export interface LineJob extends LineOptions {
  readonly cmd: string;
}

/** The keys read for every line: those of what jobs may differ in within a template, and the command itself. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'cmd',
  'cwd',
  'priority',
  'dep_grps',
  'deps',
  'cmd_deps',
  'env',
  'array',
]);
const KNOWN_KEYS: ReadonlySet<string> = new Set([...OWN_KEYS, ...Object.keys(TEMPLATE_KEYS)]);
/** Every member that a line's JSON may have. */
export const LINE_MEMBERS: readonly string[] = [...KNOWN_KEYS];

const SECOND_COLUMN = 'the second column must be a JSON object of options, like {"memory":"2G"}';

interface Seen {
  readonly template: LineTemplate;
  readonly gaveRepGroup: boolean;
}

/** The last line as far as its template goes: most lines have the same keys as the one before, and many the same values. */
interface LastLine {
  /** All keys in their order, every one of them known and in its exact spelling. */
  readonly keys: readonly string[];
  /** Those of `keys` that make the template. */
  readonly templateKeys: readonly string[];
  /** One for each of `templateKeys`. */
  readonly values: readonly unknown[];
  /** What `values` led to; `null`: they have not been read. */
  readonly seen: Seen | null;
}

type OwnOptions = { -readonly [Field in keyof JobDelta]: JobDelta[Field] };

/** Reads the lines of one input, over the options that a line gets which says nothing. */
export class LineReader {
  readonly #defaults: JobOptions;
  readonly #around: LineSurroundings;
  /** By the raw values that led to it. */
  readonly #seen = new Map<string, Seen>();
  /** By canonical text. */
  readonly #templates = new Map<string, LineTemplate>();
  #plain: LineTemplate | undefined;
  #last: LastLine = { keys: [], templateKeys: [], values: [], seen: null };

  constructor(defaults: JobOptions, around: LineSurroundings) {
    this.#defaults = settle(defaults);
    this.#around = around;
  }

  /** Those used so far, by index. */
  get templates(): readonly LineTemplate[] {
    return [...this.#templates.values()];
  }

  /** What a line gets that says nothing. */
  get defaults(): JobOptions {
    return this.#defaults;
  }

  /** What stands around a command without JSON. */
  get defaultIdentity(): IdentityFrame {
    return identityFrame(this.#defaults);
  }

  /** What a line without JSON gets. */
  plain(): LineTemplate {
    this.#plain ??= this.#intern(this.#defaults);
    return this.#plain;
  }

  /**
   * A line that is a JSON object.
   * @throws {WrError} BAD_OPTION naming key, value and accepted form
   */
  job(json: string): LineJob {
    const expected =
      'a line that begins with { must be a JSON object; begin a command like that with a blank';
    const object = this.#spelled(parseLine(json, expected));
    const { cmd } = object;
    if (!isGiven(cmd) || cmd === '') throw new WrError('BAD_OPTION', 'cmd was not specified');
    return this.#read(object, asString(cmd, 'cmd'));
  }

  /**
   * The second column of a line: a JSON object whose `cmd` does not count.
   * @throws {WrError} BAD_OPTION naming key, value and accepted form
   */
  options(json: string): LineOptions {
    return this.#read(this.#spelled(parseLine(json, SECOND_COLUMN)), '');
  }

  #read(object: JsonObject, cmd: string): LineJob {
    const { template, gaveRepGroup } = this.#seenLast(object) ?? this.#lookUp(object);
    const own = this.#readOwn(object);
    const delta = own === null ? null : deltaBetween(this.#defaults, own);
    return {
      cmd,
      template,
      delta,
      priority: this.#readPriority(object),
      gaveRepGroup,
      array: isGiven(object.array) ? parseArray(asString(object.array, 'array'), 'array') : null,
    };
  }

  /** The object under exact key names, its unknown members noted: itself where it has nothing else. */
  #spelled(object: JsonObject): JsonObject {
    const { keys } = this.#last;
    let at = 0;
    for (const key in object) {
      if (key !== keys[at]) return this.#respell(object);
      at += 1;
    }
    return at === keys.length ? object : this.#respell(object);
  }

  #respell(object: JsonObject): JsonObject {
    const keys = Object.keys(object);
    if (keys.every((key) => KNOWN_KEYS.has(key))) {
      this.#last = { keys, templateKeys: keys.filter((key) => !OWN_KEYS.has(key)), values: [], seen: null };
      return object;
    }
    const spelled: Record<string, unknown> = {};
    for (const key of keys) {
      const name = key.toLowerCase();
      if (!KNOWN_KEYS.has(name)) this.#around.unknown.note(key);
      else if (key === name || !Object.hasOwn(object, name)) spelled[name] = object[key]; // The exact spelling wins.
    }
    return this.#respell(spelled);
  }

  /** `null`: as the template. */
  #readPriority({ priority: given }: JsonObject): number | null {
    if (!isGiven(given)) return null;
    const priority = checkInteger(asNumber(given, 'priority'), 'priority', 0, BYTE_MAX);
    return priority === this.#defaults.priority ? null : priority;
  }

  /** What the line gives of the fields that jobs may differ in, the priority excepted; `null`: none. */
  #readOwn({ cwd, env, dep_grps, deps, cmd_deps }: JsonObject): OwnOptions | null {
    const own: OwnOptions = {};
    if (isGiven(cwd) && asString(cwd, 'cwd') !== '') own.cwd = cwd as string;
    if (isGiven(env)) setList(own, 'env', checkEnv(asStrings(env, 'env'), 'env'));
    if (isGiven(dep_grps)) setList(own, 'depGroups', nonEmpty(asStrings(dep_grps, 'dep_grps')));
    if (isGiven(deps)) setList(own, 'deps', nonEmpty(asStrings(deps, 'deps')));
    if (isGiven(cmd_deps)) {
      const cmdDeps = readCmdDeps(cmd_deps, 'cmd_deps', this.#around.unknown);
      if (cmdDeps.length > 0) own.cmdDeps = cmdDeps;
    }
    // A line that gives one kind of dependency drops what the flags say of either.
    if (own.deps !== undefined) own.cmdDeps ??= [];
    else if (own.cmdDeps !== undefined) own.deps = [];
    for (const _ in own) return own;
    return null;
  }

  /** What the line before led to, if this one says the same about its template. */
  #seenLast(object: JsonObject): Seen | null {
    const { templateKeys, values, seen } = this.#last;
    if (seen === null) return null;
    for (let at = 0; at < values.length; at += 1) {
      if (!isSameValue(object[templateKeys[at] as string], values[at])) return null;
    }
    return seen;
  }

  #lookUp(object: JsonObject): Seen {
    const { keys, templateKeys } = this.#last;
    const values = templateKeys.map((key) => object[key]);
    // Built of length-prefixed parts, so that no two different combinations can have one text.
    let words = '';
    for (let at = 0; at < values.length; at += 1) words += valueWords(templateKeys[at] as string, values[at]);
    let seen = this.#seen.get(words);
    if (seen === undefined) {
      seen = this.#readTemplate(templateKeys, values);
      this.#seen.set(words, seen);
    }
    this.#last = { keys, templateKeys, values, seen };
    return seen;
  }

  /** Reads what a line says about its template, for words seen the first time. */
  #readTemplate(keys: readonly string[], values: readonly unknown[]): Seen {
    const draft: DraftOptions = { ...this.#defaults };
    let gaveRepGroup = false;
    for (const [at, key] of keys.entries()) {
      const value = values[at];
      if (value === null) continue;
      TEMPLATE_KEYS[key]?.(draft, value, key, this.#around);
      if (key === 'rep_grp' && value !== '') gaveRepGroup = true;
    }
    return { template: this.#intern(settle(draft)), gaveRepGroup };
  }

  #intern(options: JobOptions): LineTemplate {
    const json = templateJson(options);
    const known = this.#templates.get(json);
    if (known !== undefined) return known;
    const template = { index: this.#templates.size, options, json, identity: identityFrame(options) };
    this.#templates.set(json, template);
    return template;
  }
}

/** A line's whole options. */
export function lineOptions({ template, delta, priority }: LineOptions): JobOptions {
  return mergeDelta(template.options, delta, priority);
}

/** Options with what follows from them: nothing is cleaned up in a directory that is the user's own. */
export function settle(options: JobOptions): JobOptions {
  if (!options.cwdMatters) return options;
  return {
    ...options,
    onFailure: withoutCleanup(options.onFailure),
    onSuccess: withoutCleanup(options.onSuccess),
    onExit: withoutCleanup(options.onExit),
  };
}

function parseLine(json: string, expected: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new WrError('BAD_OPTION', `${expected} (${(cause as Error).message})`, { cause });
  }
  if (!isObject(value)) {
    const found = typeof value === 'string' ? `the string ${shown(JSON.stringify(value))}` : shown(value);
    throw new WrError('BAD_OPTION', `${expected}, not ${found}`);
  }
  return value;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Empty lists count as not given. */
function setList(own: OwnOptions, field: 'env' | 'depGroups' | 'deps', list: readonly string[]): void {
  if (list.length > 0) own[field] = list;
}

/** Equal without a doubt: scalars, and lists of words, which are most of what lines hold. */
function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}

/** A key and its value as they stand in a line, so that no two different ones have one text. */
function valueWords(key: string, value: unknown): string {
  if (typeof value === 'string') return `${key}"${value.length}:${value}`;
  if (typeof value !== 'object' || value === null) return `${key}=${value};`;
  if (Array.isArray(value) && value.every((element) => typeof element === 'string')) {
    let words = `${key}[${value.length}`;
    for (const element of value as string[]) words += `,${element.length}:${element}`;
    return words;
  }
  try {
    const json = JSON.stringify(value);
    return `${key}{${json.length}:${json}`;
  } catch (cause) {
    throw new WrError('BAD_OPTION', `${key} is nested too deeply`, { cause });
  }
}
