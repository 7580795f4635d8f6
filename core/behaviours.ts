/** What happens after a command: the JSON of `on_failure`, `on_success` and `on_exit` (spec: jobs.md §14, rest.md §7.3). */
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
  UnknownMembers,
} from './json-values.ts';

/** In the order in which they count when an object holds several. */
const MEMBERS = memberTable(['run', 'copy_to_manager', 'cleanup', 'cleanup_all', 'remove', 'nothing']);

/**
 * A flag's JSON array of behaviours; blank is the empty list.
 * @throws {WrError} BAD_OPTION
 */
export function parseBehaviours(
  text: string,
  name: string,
  unknown = new UnknownMembers(),
): readonly Behaviour[] {
  return text.trim() === '' ? [] : readBehaviours(parseJson(text, name), name, unknown);
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
  const run = members.run === undefined ? '' : asString(members.run, `${name}.run`);
  const copy =
    members.copy_to_manager === undefined
      ? []
      : asStrings(members.copy_to_manager, `${name}.copy_to_manager`);
  const isOn = (member: string) =>
    members[member] !== undefined && asBoolean(members[member], `${name}.${member}`);
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

/** Without its clean-ups: a command that runs in the user's own directory must not have it removed (since-0.36.md §2.4). */
export function withoutCleanup(behaviours: readonly Behaviour[]): readonly Behaviour[] {
  const kept = behaviours.filter((behaviour) => behaviour.cleanup !== true && behaviour.cleanup_all !== true);
  return kept.length === behaviours.length ? behaviours : kept;
}
