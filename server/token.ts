/** The token that everyone who talks to the manager must know (spec: manager.md §6). */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** 32 random bytes as URL-safe base64 without padding. */
export const TOKEN_CHARACTERS = 43;

/** The token in the file when it is a whole one, else a new one; written by {@link writePrivateFile} once all is ready. */
export function chooseToken(inFile: string | null): { readonly token: string; readonly reused: boolean } {
  if (inFile !== null && Buffer.byteLength(inFile) === TOKEN_CHARACTERS)
    return { token: inFile, reused: true };
  return { token: randomBytes(32).toString('base64url'), reused: false };
}

/** Compares in a time that does not tell how much of it is right. */
export function sameToken(given: string, token: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(token);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Writes a file that only its owner can read, whole or not at all, whatever stood there before. */
export function writePrivateFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, path);
}
