/**
 * The requirement groups of commands that name none: the base name of a command's first word (jobs.md §1). A template says
 * which one, so that everything that is told by template, learning above all, tells them apart; nearly all files have one.
 *
 * A frame of commands that are all called differently would be a template each, and teach nothing: what such a name has
 * used does not speak of any other command. Those keep a template without a requirement group.
 */
import type { JobOptions } from '../core/job-options.ts';
import { reqGroupOf } from '../core/requirements.ts';
import { templateJson } from '../core/template.ts';
import type { TakenLines } from './taken-lines.ts';

/** Up to so many names each have their template; of more, those that one command in so many has. */
const NAMES_MAX = 256;
const BLANK = 0x20;

export interface GroupedTemplates {
  /** Canonical JSON a template. */
  readonly templates: readonly string[];
  /** `null`: every command has template 0. */
  readonly templateIndex: Uint32Array | null;
}

/** @param templates - of the frame, as its commands refer to them */
export function nameReqGroups(
  taken: TakenLines,
  templates: readonly { readonly options: JobOptions; readonly json: string }[],
): GroupedTemplates {
  const { templateIndex, count } = taken;
  if (templates.every(({ options }) => options.reqGroup !== null))
    return { templates: templates.map(({ json }) => json), templateIndex };
  const names = firstWords(taken);
  const named = new NamedTemplates(templates, names);
  if (names.index === null && templateIndex === null) {
    named.indexOf(0, 0);
    return { templates: named.json, templateIndex: null };
  }
  const index = new Uint32Array(count);
  for (let at = 0; at < count; at += 1)
    index[at] = named.indexOf(templateIndex?.[at] ?? 0, names.index?.[at] ?? 0);
  return { templates: named.json, templateIndex: named.json.length === 1 ? null : index };
}

interface Names {
  /** `null`: too rare to be told apart. */
  readonly names: readonly (string | null)[];
  /** Which of them a command has; `null`: all the first. */
  readonly index: Uint32Array | null;
}

/** One pass over all commands of a frame, most of which begin as the one before: only others are looked at more closely. */
function firstWords({ commands, commandLengths, count }: TakenLines): Names {
  const ids = new Map<string, number>();
  const counts: number[] = [];
  let index: Uint32Array | null = null;
  let id = 0;
  let wordFrom = 0;
  let wordLength = -1;
  let from = 0;
  for (let at = 0; at < count; at += 1) {
    const to = from + (commandLengths[at] as number);
    if (wordLength < 0 || !hasWord(commands, from, to, wordFrom, wordLength)) {
      const name = reqGroupOf(commands.subarray(from, to), { reqGroup: null });
      id = ids.get(name) ?? ids.size;
      ids.set(name, id);
      wordFrom = from;
      wordLength = wordEnd(commands, from, to) - from;
      if (id > 0) index ??= new Uint32Array(count);
    }
    if (index !== null) index[at] = id;
    from = to;
  }
  if (index !== null) for (const which of index) counts[which] = (counts[which] ?? 0) + 1;
  const least = ids.size <= NAMES_MAX ? 0 : count / NAMES_MAX;
  return { names: [...ids.keys()].map((name, of) => ((counts[of] ?? 0) < least ? null : name)), index };
}

/** Whether a command begins with a word that stands elsewhere. */
function hasWord(
  commands: Uint8Array,
  from: number,
  to: number,
  wordFrom: number,
  wordLength: number,
): boolean {
  const end = from + wordLength;
  if (end > to || (end < to && commands[end] !== BLANK)) return false;
  for (let i = 0; i < wordLength; i += 1) if (commands[wordFrom + i] !== commands[from + i]) return false;
  return true;
}

/** Where the first word ends; blanks before it belong to it here. */
function wordEnd(commands: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && commands[at] === BLANK) at += 1;
  while (at < to && commands[at] !== BLANK) at += 1;
  return at;
}

/** The templates of a frame with the names of its commands, as far as they are used. */
class NamedTemplates {
  readonly json: string[] = [];
  readonly #templates: readonly { readonly options: JobOptions; readonly json: string }[];
  readonly #names: Names;
  /** By template and name. */
  readonly #index = new Map<number, number>();
  readonly #byText = new Map<string, number>();

  constructor(templates: readonly { readonly options: JobOptions; readonly json: string }[], names: Names) {
    this.#templates = templates;
    this.#names = names;
  }

  indexOf(template: number, name: number): number {
    const { options, json } = this.#templates[template] as { options: JobOptions; json: string };
    const reqGroup = options.reqGroup === null ? (this.#names.names[name] ?? null) : null;
    // Of rare names all are alike, and so they are to a template that has its own.
    const which = reqGroup === null ? 0 : name + 1;
    const combination = template * (this.#names.names.length + 1) + which;
    const known = this.#index.get(combination);
    if (known !== undefined) return known;
    const text = reqGroup === null ? json : templateJson({ ...options, reqGroup });
    // A line may name what another one is called.
    const index = this.#byText.get(text) ?? this.json.push(text) - 1;
    this.#byText.set(text, index);
    this.#index.set(combination, index);
    return index;
  }
}
