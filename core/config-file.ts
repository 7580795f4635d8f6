/** Reading one configuration file: YAML, with the line of everything that is wrong with it. */

import { closestOf } from './closest.ts';
import { checkSetting, mayBeEmpty, SETTING_BY_KEY, type SettingName } from './config-settings.ts';
import { WrError } from './errors.ts';

/** The texts of the settings in a file, by name. */
export type FileSettings = ReadonlyMap<SettingName, string>;

/**
 * @param text - the content
 * @param path - named in errors
 * @throws {WrError} BAD_CONFIG naming file and line: no YAML, an unknown setting, a value of the wrong kind
 */
export async function parseConfigFile(text: string, path: string): Promise<FileSettings> {
  // Only here, as most starts of the program find no file, and loading the parser takes as long as all the rest.
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const failed = document.errors[0];
  if (failed !== undefined) throw bad(path, lines.linePos(failed.pos[0]).line, failed.message);

  const settings = new Map<SettingName, string>();
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return settings;
  if (!isMap(contents)) throw bad(path, 1, 'the file must hold "setting: value" lines');
  for (const { key, value } of contents.items) {
    const line = isScalar(key) ? lines.linePos(key.range?.[0] ?? 0).line : 1;
    const name = isScalar(key) ? String(key.value) : '';
    const known = SETTING_BY_KEY.get(name.toLowerCase());
    if (known === undefined) throw bad(path, line, unknownSetting(name));
    if (value !== null && !isScalar(value)) throw bad(path, line, `${name} must be a single value`);
    // The source of a plain value, as YAML would read 022 as twenty-two.
    const plain = value?.type === 'PLAIN' ? value.source : undefined;
    const written = value === null || value.value === null ? '' : (plain ?? String(value.value));
    if (written === '' && !mayBeEmpty(known)) continue;
    if (written !== '') checkSetting(known, written, `${path}:${line}`);
    settings.set(known.name, written);
  }
  return settings;
}

function unknownSetting(name: string): string {
  const closest = closestOf(name.toLowerCase(), [...SETTING_BY_KEY.keys()]);
  return `"${name}" is no setting${closest === null ? '' : `; did you mean ${closest}?`}`;
}

function bad(path: string, line: number, message: string): WrError {
  return new WrError('BAD_CONFIG', `${path}:${line}: ${message}`);
}
