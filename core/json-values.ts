/**
 * Values out of JSON that a user wrote, checked one by one. Member names match in any case; `null` counts as absent; what
 * is unknown is ignored, but noted, so that it can be said once (spec: cli.md §2.1, rulings).
 */
import { WrError } from './errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Names noted at most: a file with a million different unknown members needs no million words. */
const NOTED_MAX = 20;

/** A member nobody knows, and the line that has it first. */
export interface UnknownMember {
  readonly name: string;
  readonly line: number;
}

/** Collects the unknown members of an input. */
export class UnknownMembers {
  /** The line being read, from 1; 0 where there are no lines. */
  line = 0;
  readonly #lines = new Map<string, number>();

  note(name: string): void {
    if (this.#lines.size < NOTED_MAX && !this.#lines.has(name)) this.#lines.set(name, this.line);
  }

  get names(): string[] {
    return [...this.#lines.keys()];
  }

  get members(): UnknownMember[] {
    return [...this.#lines].map(([name, line]) => ({ name, line }));
  }
}

/** Something a user wrote, cut to a length that a message can hold. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : jsonText(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function jsonText(value: unknown): string {
  // As JSON, what is too large for a number would be null.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return '...'; // Nested deeper than can be written.
  }
}

function wrongType(name: string, value: unknown, wanted: string): WrError {
  return new WrError(
    'BAD_OPTION',
    `${name} value (${shown(value)}) must be ${wanted}, not ${typeName(value)}`,
  );
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * JSON text to a value.
 * @param form - what is accepted, by example
 * @throws {WrError} BAD_OPTION naming the option, its value, where that goes wrong and what is accepted
 */
export function parseJson(text: string, name: string, form: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = `it is not valid JSON (${(cause as Error).message}); it must be an array like ${form}`;
    throw new WrError('BAD_OPTION', `${name} value (${shown(text)}) was not specified correctly: ${why}`, {
      cause,
    });
  }
}

export function asString(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongType(name, value, 'a string');
  // The system could pass no such text on to a command.
  if (value.includes('\0')) throw new WrError('BAD_OPTION', `${name} holds a NUL character`);
  return value;
}

export function asBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, value, 'true or false');
  return value;
}

export function asNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongType(name, value, 'a number');
  return value;
}

export function asObject(value: unknown, name: string): JsonObject {
  if (!isObject(value)) throw wrongType(name, value, 'an object');
  return value;
}

export function asArray(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(name, value, 'an array');
  return value;
}

/** An array of strings, its empty elements included. */
export function asStrings(value: unknown, name: string): readonly string[] {
  const elements = asArray(value, name);
  for (const element of elements) asString(element, `${name} element`);
  return elements as readonly string[];
}

/**
 * The members of an object under the names that are known, found in any case; an exact name wins over another spelling.
 * @param known - lower-case spelling → the name to answer under
 * @param where - what the object is, for noting unknown members
 */
export function knownMembers(
  object: JsonObject,
  known: ReadonlyMap<string, string>,
  where: string,
  unknown: UnknownMembers,
): Readonly<Record<string, unknown>> {
  const members: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const name = known.get(key.toLowerCase());
    if (name === undefined) {
      unknown.note(`${where}.${key}`);
      continue;
    }
    if (object[key] === null || (key !== name && Object.hasOwn(object, name))) continue;
    members[name] = object[key];
  }
  return members;
}

/** The table for {@link knownMembers}. */
export function memberTable(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
