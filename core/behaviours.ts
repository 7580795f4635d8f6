/** What happens after a command: the JSON of `on_failure`, `on_success` and `on_exit` (spec: jobs.md §14, rest.md §7.3). */
import { badOption } from './bad-option.ts';
import type { Behaviour } from './job-options.ts';
import {
  asArray,
  asBoolean,
  asObject,
  asString,
  asStrings,
  knownMembers,
  memberTable,
  parseJson,
  shown,
  UnknownMembers,
} from './json-values.ts';

/** In the order in which they count when an object holds several. */
const MEMBERS = memberTable(['run', 'copy_to_manager', 'cleanup', 'cleanup_all', 'remove', 'nothing']);

const FORM = '[{"run":"cmd"},{"cleanup":true}]';

/**
 * A flag's JSON array of behaviours; blank is the empty list.
 * @throws {WrError} BAD_OPTION, also for a member nobody knows: nothing would be done, in silence
 */
export function parseBehaviours(text: string, name: string): readonly Behaviour[] {
  if (text.trim() === '') return [];
  const unknown = new UnknownMembers();
  const behaviours = readBehaviours(parseJson(text, name, FORM), name, unknown);
  const [stranger] = unknown.names;
  if (stranger !== undefined) {
    const known = [...MEMBERS.values()].join(', ');
    throw badOption(
      name,
      shown(text),
      `${stranger.slice(name.length + 1)} is none of its members, which are ${known}`,
    );
  }
  return behaviours;
}

/**
 * Behaviours from a JSON value, each brought to exactly one member.
 * @throws {WrError} BAD_OPTION
 */
export function readBehaviours(value: unknown, name: string, unknown: UnknownMembers): readonly Behaviour[] {
  return asArray(value, name).map((element) => readBehaviour(element, name, unknown));
}

function readBehaviour(element: unknown, name: string, unknown: UnknownMembers): Behaviour {
  const members = knownMembers(asObject(element, `${name} element`), MEMBERS, name, unknown);
  const run = members.run === undefined ? '' : asString(members.run, memberName(name, 'run'));
  const copy =
    members.copy_to_manager === undefined
      ? []
      : asStrings(members.copy_to_manager, memberName(name, 'copy_to_manager'));
  const isOn = (member: string) =>
    members[member] !== undefined && asBoolean(members[member], memberName(name, member));
  const switches = {
    cleanup: isOn('cleanup'),
    cleanup_all: isOn('cleanup_all'),
    remove: isOn('remove'),
    nothing: isOn('nothing'),
  };
  if (run !== '') return { run };
  if (copy.length > 0) return { copy_to_manager: copy };
  if (switches.cleanup) return { cleanup: true };
  if (switches.cleanup_all) return { cleanup_all: true };
  if (switches.remove) return { remove: true };
  return { nothing: true };
}

/** As the user knows it: `on_exit.run`, but no flag is called `--on_exit.run`. */
function memberName(name: string, member: string): string {
  return name.startsWith('--') ? `${name}: ${member}` : `${name}.${member}`;
}

/** Without its clean-ups: a command that runs in the user's own directory must not have it removed (since-0.36.md §2.4). */
export function withoutCleanup(behaviours: readonly Behaviour[]): readonly Behaviour[] {
  const kept = behaviours.filter((behaviour) => behaviour.cleanup !== true && behaviour.cleanup_all !== true);
  return kept.length === behaviours.length ? behaviours : kept;
}
