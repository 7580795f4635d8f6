/**
 * A command's text as a terminal may be given it: control characters but tabulator and line feed as `\\x1b`, as they could
 * move the cursor or worse.
 */
export function visible(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A name within a line: as {@link visible}, and what would end the line or its column too. */
export function visibleName(name: string): string {
  return visible(name).replaceAll('\t', '\\t').replaceAll('\n', '\\n');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
