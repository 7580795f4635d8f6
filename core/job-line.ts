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
}

/** The keys read for every line, with the field that they set. */
const OWN_KEYS = ['cmd', 'cwd', 'priority', 'dep_grps', 'deps', 'cmd_deps', 'env'] as const;
type OwnKey = (typeof OWN_KEYS)[number];
/** Every key as it is looked up first; other spellings take the slower way through `toLowerCase`. */
const KEYS: ReadonlyMap<string, OwnKey | 'template'> = new Map<string, OwnKey | 'template'>([
  ...Object.keys(TEMPLATE_KEYS).map((key) => [key, 'template'] as const),
  ...OWN_KEYS.map((key) => [key, key] as const),
]);

interface Seen {
  readonly template: LineTemplate;
  readonly gaveRepGroup: boolean;
}

/** Reads the lines of one input, over the options that a line gets which says nothing. */
export class LineReader {
  readonly #defaults: JobOptions;
  readonly #around: LineSurroundings;
  /** By the raw values that led to it. */
  readonly #seen = new Map<string, Seen>();
  /** By canonical text. */
  readonly #templates = new Map<string, LineTemplate>();
  #plain: LineTemplate | undefined;

  constructor(defaults: JobOptions, around: LineSurroundings) {
    this.#defaults = settle(defaults);
    this.#around = around;
  }

  /** Those used so far, by index. */
  get templates(): readonly LineTemplate[] {
    return [...this.#templates.values()];
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
  job(json: string): LineOptions & { readonly cmd: string } {
    const object = parseLine(
      json,
      'a line that begins with { must be a JSON object; begin a command like that with a blank',
    );
    const cmd = ownMember(object, 'cmd');
    if (cmd === undefined || cmd === '') throw new WrError('BAD_OPTION', 'cmd was not specified');
    return this.#read(object, asString(cmd, 'cmd'));
  }

  /**
   * The second column of a line: a JSON object whose `cmd` does not count.
   * @throws {WrError} BAD_OPTION naming key, value and accepted form
   */
  options(json: string): LineOptions {
    return this.#read(parseLine(json, 'the second column must be a JSON object'), '');
  }

  #read(object: JsonObject, cmd: string): LineOptions & { readonly cmd: string } {
    const own: { -readonly [Field in keyof JobDelta]: JobDelta[Field] } = {};
    let hasOwn = false;
    let priority: number | null = null;
    // Built of length-prefixed parts, so that no two different combinations can have one text.
    let words = '';
    for (const key in object) {
      const value = object[key];
      if (value === null) continue;
      let name = key;
      let kind = KEYS.get(key);
      if (kind === undefined) {
        name = key.toLowerCase();
        kind = KEYS.get(name);
        if (kind === undefined) {
          this.#around.unknown.note(key);
          continue;
        }
        if (Object.hasOwn(object, name)) continue; // The exact spelling wins.
      }
      if (kind === 'template') {
        if (typeof value === 'string') words += `${name}"${value.length}:${value}`;
        else if (typeof value === 'object') {
          words += `${name}${rawWords(value as object, name)}`;
        } else words += `${name}=${value};`;
      } else if (kind === 'priority') {
        const given = checkInteger(asNumber(value, key), key, 0, BYTE_MAX);
        priority = given === this.#defaults.priority ? null : given;
      } else if (kind !== 'cmd') {
        hasOwn = this.#readOwn(own, kind, value, key) || hasOwn;
      }
    }
    const seen = this.#seen.get(words) ?? this.#see(words, object);
    return {
      cmd,
      template: seen.template,
      delta: hasOwn ? deltaBetween(this.#defaults, own) : null,
      priority,
      gaveRepGroup: seen.gaveRepGroup,
    };
  }

  /** @returns whether the value was given, that is not empty */
  #readOwn(
    own: { -readonly [Field in keyof JobDelta]: JobDelta[Field] },
    kind: Exclude<OwnKey, 'cmd' | 'priority'>,
    value: unknown,
    name: string,
  ): boolean {
    if (kind === 'cwd') {
      const cwd = asString(value, name);
      if (cwd !== '') own.cwd = cwd;
      return cwd !== '';
    }
    if (kind === 'cmd_deps') {
      const cmdDeps = readCmdDeps(value, name, this.#around.unknown);
      if (cmdDeps.length === 0) return false;
      // A line that gives one kind of dependency drops what the flags say of either.
      own.cmdDeps = cmdDeps;
      own.deps ??= [];
      return true;
    }
    const elements = kind === 'env' ? asStrings(value, name) : nonEmpty(asStrings(value, name));
    if (elements.length === 0) return false;
    if (kind === 'env') own.env = checkEnv(elements, name);
    else if (kind === 'dep_grps') own.depGroups = elements;
    else {
      own.deps = elements;
      own.cmdDeps ??= [];
    }
    return true;
  }

  /** Reads what a line says about its template, for words seen the first time. */
  #see(words: string, object: JsonObject): Seen {
    const draft: DraftOptions = { ...this.#defaults };
    let gaveRepGroup = false;
    for (const key of Object.keys(object)) {
      const name = key.toLowerCase();
      const apply = Object.hasOwn(TEMPLATE_KEYS, name) ? TEMPLATE_KEYS[name] : undefined;
      const value = object[key];
      if (apply === undefined || value === null || (key !== name && Object.hasOwn(object, name))) continue;
      apply(draft, value, key, this.#around);
      if (name === 'rep_grp' && value !== '') gaveRepGroup = true;
    }
    const seen = { template: words === '' ? this.plain() : this.#intern(settle(draft)), gaveRepGroup };
    this.#seen.set(words, seen);
    return seen;
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
function settle(options: JobOptions): JobOptions {
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
  if (!isObject(value)) throw new WrError('BAD_OPTION', `${expected}, not ${shown(value)}`);
  return value;
}

/** A member by its exact name, else by the last other spelling of it. */
function ownMember(object: JsonObject, name: string): unknown {
  const isExact = Object.hasOwn(object, name);
  const key = isExact ? name : Object.keys(object).findLast((other) => other.toLowerCase() === name);
  return key === undefined ? undefined : (object[key] ?? undefined);
}

/** A value as it stands in a line, so that no two different values have one text. Lists of words are most of them. */
function rawWords(value: object, name: string): string {
  if (Array.isArray(value) && value.every((element) => typeof element === 'string')) {
    let words = `[${value.length}`;
    for (const element of value as string[]) words += `,${element.length}:${element}`;
    return words;
  }
  try {
    const json = JSON.stringify(value);
    return `{${json.length}:${json}`;
  } catch (cause) {
    throw new WrError('BAD_OPTION', `${name} is nested too deeply`, { cause });
  }
}
