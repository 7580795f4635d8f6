/** The two notations for S3 mounts (spec: cli.md §9, cloud-and-mounts.md §5.1). Empty values are left out. */
import { badOption } from './bad-option.ts';
import { checkInteger } from './job-fields.ts';
import type { MountConfig, MountTarget } from './job-options.ts';
import {
  asArray,
  asBoolean,
  asNumber,
  asObject,
  asString,
  knownMembers,
  memberTable,
  parseJson,
  UnknownMembers,
} from './json-values.ts';

const CONFIG_MEMBERS = memberTable(['Mount', 'CacheBase', 'Retries', 'Verbose', 'Targets']);
const TARGET_MEMBERS = memberTable(['Profile', 'Path', 'CacheDir', 'Cache', 'Write']);
const FORM = '[{"Mount":"dir","Targets":[{"Path":"bucket/path"}]}]';
const SIMPLE = /^([cu])([rw]):(?:([^@]+)@)?([^@]+)$/;

/**
 * The JSON form: an array of mount configs; blank is the empty list.
 * @throws {WrError} BAD_OPTION
 */
export function parseMounts(
  text: string,
  name = '--mount_json',
  unknown = new UnknownMembers(),
): readonly MountConfig[] {
  return text.trim() === '' ? [] : readMounts(parseJson(text, name, FORM), name, unknown);
}

/**
 * Mount configs from a JSON value. Only types are checked: what cannot be mounted shows when the command runs.
 * @throws {WrError} BAD_OPTION
 */
export function readMounts(value: unknown, name: string, unknown: UnknownMembers): readonly MountConfig[] {
  return asArray(value, name).map((element) => {
    const members = knownMembers(asObject(element, `${name} element`), CONFIG_MEMBERS, name, unknown);
    const targets = members.Targets === undefined ? [] : asArray(members.Targets, `${name}.Targets`);
    return {
      ...textMember(members, 'Mount', name),
      ...textMember(members, 'CacheBase', name),
      ...retriesMember(members.Retries, name),
      ...switchMember(members, 'Verbose', name),
      Targets: targets.map((target) => readTarget(target, `${name}.Targets`, unknown)),
    };
  });
}

function readTarget(value: unknown, name: string, unknown: UnknownMembers): MountTarget {
  const members = knownMembers(asObject(value, `${name} element`), TARGET_MEMBERS, name, unknown);
  return {
    ...textMember(members, 'Profile', name),
    Path: members.Path === undefined ? '' : asString(members.Path, `${name}.Path`),
    ...textMember(members, 'CacheDir', name),
    ...switchMember(members, 'Cache', name),
    ...switchMember(members, 'Write', name),
  };
}

function textMember<Name extends string>(
  members: Readonly<Record<string, unknown>>,
  member: Name,
  name: string,
): Partial<Record<Name, string>> {
  const value = members[member] === undefined ? '' : asString(members[member], `${name}.${member}`);
  return value === '' ? {} : ({ [member]: value } as Record<Name, string>);
}

function switchMember<Name extends string>(
  members: Readonly<Record<string, unknown>>,
  member: Name,
  name: string,
): Partial<Record<Name, boolean>> {
  const on = members[member] !== undefined && asBoolean(members[member], `${name}.${member}`);
  return on ? ({ [member]: true } as Record<Name, boolean>) : {};
}

function retriesMember(value: unknown, name: string): { readonly Retries?: number } {
  if (value === undefined) return {};
  const retries = checkInteger(asNumber(value, `${name}.Retries`), `${name}.Retries`, 0, 2 ** 31 - 1);
  return retries === 0 ? {} : { Retries: retries };
}

/**
 * The simple form: a comma list of `[c|u][r|w]:[profile@]bucket[/path]`, at most one of them writable.
 * @returns one config without a mount point; none for a blank text
 * @throws {WrError} BAD_OPTION naming the entry
 */
export function parseSimpleMounts(text: string, name = '--mounts'): readonly MountConfig[] {
  if (text === '') return [];
  const targets = text.split(',').map((entry) => parseSimpleTarget(entry, name));
  if (targets.filter((target) => target.Write === true).length > 1) {
    throw badOption(name, text, 'only one entry may be writable');
  }
  return [{ Targets: targets }];
}

function parseSimpleTarget(entry: string, name: string): MountTarget {
  const match = SIMPLE.exec(entry);
  if (match === null) throw badOption(name, entry, 'each entry must be [c|u][r|w]:[profile@]bucket[/path]');
  const [, cache, write, profile, path] = match;
  return {
    ...(profile === undefined ? {} : { Profile: profile }),
    Path: path as string,
    ...(cache === 'c' ? { Cache: true } : {}),
    ...(write === 'w' ? { Write: true } : {}),
  };
}
