/** Counted resources as users name them: what a command needs, and what a machine has (`gpu:2,licence:1`). */
import { badOption } from './bad-option.ts';
import { isObject, shown } from './json-values.ts';

/** Units by name, each 1 or more. */
export type Resources = Readonly<Record<string, number>>;
/** The units an attempt was given, by name: numbers from 0. */
export type ResourceIds = Readonly<Record<string, readonly number[]>>;

/** Each unit has a number of its own that is handed out. */
export const UNITS_MAX = 65_535;
const FORM = `name:n, several separated by commas, n from 0 to ${UNITS_MAX}`;
/** It becomes the end of a variable's name. */
const NAME = /^[a-z][a-z0-9_]*$/;

/**
 * A comma list of `name:n`; '' is none. Names are taken in lower case.
 * @throws {WrError} BAD_OPTION
 */
export function parseResources(text: string, option = '--resources'): Resources {
  const units: Record<string, number> = {};
  for (const element of text.split(',').filter((each) => each !== '')) {
    const match = /^([^:]+):(\d+)$/.exec(element);
    if (match === null) throw badOption(option, element, `it must be ${FORM}`);
    add(units, match[1] as string, Number(match[2]), element, option);
  }
  return sorted(units);
}

/**
 * The same in JSON: that text, or an object of numbers by name.
 * @throws {WrError} BAD_OPTION
 */
export function readResources(value: unknown, option: string): Resources {
  if (typeof value === 'string') return parseResources(value, option);
  if (!isObject(value)) throw badOption(option, shown(value), `it must be {"name":n} or "${FORM}"`);
  const units: Record<string, number> = {};
  for (const [name, count] of Object.entries(value)) {
    if (typeof count !== 'number') throw badOption(option, shown(value), 'units must be whole numbers');
    add(units, name, count, `${name}:${count}`, option);
  }
  return sorted(units);
}

/** Whether a value is what {@link parseResources} makes. */
export function isResources(value: unknown): value is Resources {
  if (!isObject(value)) return false;
  return Object.entries(value).every(
    ([name, units]) =>
      NAME.test(name) && Number.isInteger(units) && (units as number) >= 1 && (units as number) <= UNITS_MAX,
  );
}

/** `gpu:2` for each. */
export function resourceList(resources: Resources): string[] {
  return Object.entries(resources).map(([name, units]) => `${name}:${units}`);
}

/** What a command is told of what it was given: `WR_RESOURCE_GPU=0,2`, and for GPUs also what CUDA looks at. */
export function resourceVariables(ids: ResourceIds): [string, string][] {
  const variables: [string, string][] = [];
  for (const [name, units] of Object.entries(ids)) {
    variables.push([`${VARIABLE_START}${name.toUpperCase()}`, units.join(',')]);
    if (name === 'gpu') variables.push([CUDA_VARIABLE, units.join(',')]);
  }
  return variables;
}

export const VARIABLE_START = 'WR_RESOURCE_';
export const CUDA_VARIABLE = 'CUDA_VISIBLE_DEVICES';

function add(
  units: Record<string, number>,
  given: string,
  count: number,
  element: string,
  option: string,
): void {
  const name = given.toLowerCase();
  if (!NAME.test(name))
    throw badOption(option, element, 'a name has letters, digits and _, and begins with a letter');
  if (!Number.isInteger(count) || count < 0 || count > UNITS_MAX)
    throw badOption(option, element, `it must be ${FORM}`);
  if (Object.hasOwn(units, name)) throw badOption(option, element, `${name} is named twice`);
  units[name] = count;
}

/** In order of names, so that equal ones are written alike; of what nothing is needed nothing is said. */
function sorted(units: Record<string, number>): Resources {
  const needed = Object.entries(units).filter(([, count]) => count > 0);
  return Object.fromEntries(needed.sort(([a], [b]) => (a < b ? -1 : 1)));
}
