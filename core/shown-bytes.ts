/** Bytes that users typed, as text: they need not be UTF-8, and must not be mistaken for something else. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns the text; a byte that belongs to no character is shown as `\xNN` */
export function shownText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes[at] as number);
    const character = decoded(bytes.subarray(at, at + length));
    if (character === null) {
      text += `\\x${(bytes[at] as number).toString(16).padStart(2, '0')}`;
      at += 1;
    } else {
      text += character;
      at += length;
    }
  }
  return text;
}

/** How many bytes a character has that begins with this one. */
function characterLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
