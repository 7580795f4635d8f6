/**
 * Byte strings: text in which each character is one byte. What users typed need not be UTF-8, and scripts for a shell are
 * put together from it, so it is carried as it is; only JavaScript's own strings have to be brought into this form.
 */
export type ByteString = string;

/** @returns the UTF-8 bytes of a text */
export function toByteString(text: string): ByteString {
  // Nearly all paths are ASCII, for which both forms are the same.
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 127) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

export function bytesToByteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function fromByteString(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Quoted so that any shell takes it as one word and as it is. It must not hold a NUL. */
export function shellQuote(text: ByteString): ByteString {
  return text.includes("'") ? `'${text.replaceAll("'", "'\\''")}'` : `'${text}'`;
}
