/** Dependencies on single commands: the flag `--cmd_deps` and the JSON key `cmd_deps` (spec: cli.md §2.1, rest.md §7.1). */
import { badOption } from './bad-option.ts';
import { hexToKey, jobKeyHex } from './identity.ts';
import { type CommandDependency, DEFAULT_JOB_OPTIONS } from './job-options.ts';
import {
  asArray,
  asObject,
  asString,
  isObject,
  knownMembers,
  memberTable,
  shown,
  type UnknownMembers,
} from './json-values.ts';
import { readMounts } from './mounts.ts';

const MEMBERS = memberTable(['cmd', 'cwd', 'Essence', 'DepGroup']);
const NAMES_NOTHING =
  'an element must name a command, as {"cmd":"…","cwd":"…"}, {"Essence":{"JobKey":"…"}} or {"DepGroup":"…"}';
const ESSENCE_MEMBERS = memberTable(['JobKey', 'Cmd', 'Cwd', 'MountConfigs']);

/**
 * `cmd1,cwd1,cmd2,cwd2…`; a cwd is blank where it does not matter.
 * @throws {WrError} BAD_OPTION for an odd count or a blank command
 */
export function parseCmdDeps(text: string, name = '--cmd_deps'): readonly CommandDependency[] {
  if (text === '') return [];
  const words = text.split(',');
  if (words.length % 2 !== 0) throw badOption(name, text, 'it must be pairs: cmd1,cwd1,cmd2,cwd2…');
  const deps: CommandDependency[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const cmd = words[at] as string;
    if (cmd === '') throw badOption(name, text, 'a command in it is blank');
    deps.push({ cmd, cwd: words[at + 1] as string });
  }
  return deps;
}

/**
 * From a JSON value: `{"cmd","cwd"}`, `{"Essence":{"JobKey"}}`, `{"Essence":{"Cmd","Cwd","MountConfigs"}}`, `{"DepGroup"}`.
 * @throws {WrError} BAD_OPTION, also for an element that names nothing: its command would not wait
 */
export function readCmdDeps(
  value: unknown,
  name: string,
  unknown: UnknownMembers,
): readonly CommandDependency[] {
  const elements = asArray(value, name);
  const plain = elements.length === 1 ? plainDependency(elements[0]) : null;
  if (plain !== null) return [plain];
  return elements.map((element) => {
    const members = knownMembers(asObject(element, `${name} element`), MEMBERS, name, unknown);
    const text = (member: string) => textOf(members, member, name);
    if (text('cmd') !== '') return { cmd: text('cmd'), cwd: text('cwd') };
    if (members.Essence !== undefined) {
      const dependency = readEssence(members.Essence, `${name}.Essence`, unknown);
      if (dependency !== null) return dependency;
    }
    if (text('DepGroup') === '') throw badOption(name, shown(element), NAMES_NOTHING);
    return { depGroup: text('DepGroup') };
  });
}

/** The everyday form, of which there may be a million: nothing but `cmd` and `cwd`. */
function plainDependency(element: unknown): CommandDependency | null {
  if (!isObject(element)) return null;
  const { cmd, cwd } = element;
  if (typeof cmd !== 'string' || cmd === '' || typeof cwd !== 'string') return null;
  for (const member in element) if (member !== 'cmd' && member !== 'cwd') return null;
  return { cmd, cwd };
}

function readEssence(value: unknown, name: string, unknown: UnknownMembers): CommandDependency | null {
  const members = knownMembers(asObject(value, name), ESSENCE_MEMBERS, name, unknown);
  const jobKey = textOf(members, 'JobKey', name);
  if (jobKey !== '') {
    if (hexToKey(jobKey) === null) throw badOption(`${name}.JobKey`, jobKey, 'it must be 32 hex digits');
    return { jobKey: jobKey.toLowerCase() };
  }
  const cmd = textOf(members, 'Cmd', name);
  if (cmd === '') return null;
  const cwd = textOf(members, 'Cwd', name);
  const mounts =
    members.MountConfigs === undefined
      ? []
      : readMounts(members.MountConfigs, `${name}.MountConfigs`, unknown);
  if (mounts.length === 0) return { cmd, cwd };
  // The key holds the mounts, which the short form has no place for.
  return { jobKey: jobKeyHex(cmd, { ...DEFAULT_JOB_OPTIONS, cwd, cwdMatters: cwd !== '', mounts }) };
}

function textOf(members: Readonly<Record<string, unknown>>, member: string, name: string): string {
  return members[member] === undefined ? '' : asString(members[member], `${name}.${member}`);
}
