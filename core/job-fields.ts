/**
 * One option of a command at a time, from the text of a flag or a value in JSON, to its checked form (spec: cli.md §2.1,
 * §2.2, since-0.36.md §1.3). Both roads meet here, so that a flag and the JSON key of the same name accept the same.
 *
 * Every function throws BAD_OPTION with a text that names the option, the value and the accepted form. `name` is what the
 * user calls the option: `--memory`, or `memory` in JSON.
 */
import { badOption, outOfRange } from './bad-option.ts';
import { MAX_FAILS_MAX, NO_BUDGET } from './fail-budgets.ts';
import type { Override } from './job-options.ts';
import { parseDurationMs, parseMemoryMb } from './units.ts';

/** The memory of a command whose flag was blank or below 1 MB. */
export const BLANK_MEMORY_MB = 1000;
/** The time of a command whose flag was blank or 0. */
export const BLANK_TIME_MS = 3_600_000;
/** Priorities and retries are one byte. */
export const BYTE_MAX = 255;

const OVERRIDE_WORDS: Readonly<Record<string, Override>> = {
  '0': 0,
  no: 0,
  n: 0,
  '1': 1,
  higher: 1,
  h: 1,
  '2': 2,
  always: 2,
  a: 2,
};

/** @returns whole MB, 0 allowed */
export function parseMemoryOption(text: string, name = 'memory'): number {
  return withReason(name, text, parseMemoryMb);
}

/** The same for a flag that sets the default: blank or below 1 MB is {@link BLANK_MEMORY_MB}. */
export function parseMemoryDefault(text: string, name = '--memory'): number {
  return (text.trim() === '' ? 0 : parseMemoryOption(text, name)) || BLANK_MEMORY_MB;
}

/** @returns whole ms, rounded up so that no wish becomes 0, which may mean *off* */
export function parseTimeOption(text: string, name = 'time'): number {
  return Math.ceil(withReason(name, text, parseDurationMs));
}

/** The same for a flag that sets the default: blank or 0 is {@link BLANK_TIME_MS}. */
export function parseTimeDefault(text: string, name = '--time'): number {
  return (text.trim() === '' ? 0 : parseTimeOption(text, name)) || BLANK_TIME_MS;
}

/** The override flag's number or word. */
export function parseOverride(text: string, name = '--override'): Override {
  const override = Object.hasOwn(OVERRIDE_WORDS, text) ? OVERRIDE_WORDS[text] : undefined;
  if (override === undefined) throw badOption(name, text, 'it must be 0 or no, 1 or higher, 2 or always');
  return override;
}

/** A whole number as flags take them: decimal, `0x`, `0b`, `0o` or with a leading 0 octal. */
export function parseIntegerOption(text: string, name: string, min: number, max: number): number {
  const octal = /^([+-]?)0([0-7]+)$/.exec(text);
  const plain =
    octal === null ? /^([+-]?)(0|[1-9]\d*|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.exec(text) : null;
  const digits = octal === null ? plain?.[2] : `0o${octal[2]}`;
  if (digits === undefined) throw badOption(name, text, `it must be a whole number from ${min} to ${max}`);
  const negative = (octal ?? plain)?.[1] === '-';
  return checkInteger(negative ? -Number(digits) : Number(digits), name, min, max);
}

/** Cores: a number that is not negative, fractions allowed. */
export function parseCpusOption(text: string, name = '--cpus'): number {
  const cpus = text.trim() === '' ? Number.NaN : Number(text);
  return checkCpus(cpus, text, name);
}

export function checkCpus(cpus: number, shown: string, name = 'cpus'): number {
  if (!Number.isFinite(cpus)) throw badOption(name, shown, 'it must be a number of cores, like 1 or 0.5');
  if (cpus < 0) throw badOption(name, shown, 'it must not be negative');
  return cpus === 0 ? 0 : cpus; // −0 prints differently.
}

export function checkInteger(value: number, name: string, min: number, max: number): number {
  if (!Number.isInteger(value)) throw badOption(name, String(value), 'it must be a whole number');
  if (value < min || value > max) throw outOfRange(name, value, min, max);
  return value === 0 ? 0 : value;
}

/** `--max_fails`: 1 or more, or −1 to have none. */
export function checkMaxFails(value: number, name = '--max_fails'): number {
  if (value === NO_BUDGET) return value;
  if (!Number.isInteger(value) || value < 1 || value > MAX_FAILS_MAX)
    throw badOption(
      name,
      String(value),
      `it must be a whole number from 1 to ${MAX_FAILS_MAX}, or -1 for no limit`,
    );
  return value;
}

/** A comma list; empty elements are dropped. There is no escaping. */
export function splitList(text: string): readonly string[] {
  return text === '' ? [] : text.split(',').filter((element) => element !== '');
}

/** `--env`: a comma list of `NAME=value`; an element that defines nothing is refused. */
export function parseEnvList(text: string, name = '--env'): readonly string[] {
  return text === '' ? [] : checkEnv(text.split(','), name);
}

/** Environment overrides, each `NAME=value`; the value may be empty, the name not. */
export function checkEnv(entries: readonly string[], name = 'env'): readonly string[] {
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals > 0) continue;
    throw badOption(
      name,
      entry,
      equals === 0 || entry === '' ? 'it must be NAME=value' : `use ${entry}=$${entry}`,
    );
  }
  return entries;
}

/** Container mounts: a comma list of `/outside[:/inside]`, kept as one text. */
export function checkContainerMounts(text: string, name = 'container_mounts'): string {
  for (const mount of text.split(',')) {
    if (mount.indexOf(':') !== mount.lastIndexOf(':')) {
      throw badOption(name, mount, 'each mount must be /outside or /outside:/inside');
    }
  }
  return text;
}

/** Queues to avoid: a comma list, kept as one text without its empty elements. */
export function cleanQueues(text: string): string {
  return splitList(text).join(',');
}

function withReason<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    if (cause instanceof RangeError) throw badOption(name, text, cause.message);
    throw cause;
  }
}
