/**
 * Which commands are the same: a job's key is the MD5 of its identity string (spec: jobs.md §3, with the ruling on keys).
 *
 * ```
 * [<cwd>.]<cmd>.<mounts>[.docker:<image>.<container_mounts> | .singularity:<image>.<container_mounts>]
 *  └ only with cwd_matters
 * ```
 *
 * The command's own bytes are hashed, whatever their encoding.
 */
import { hash } from 'node:crypto';
import type { JobOptions, MountConfig } from './job-options.ts';

/** Bytes of a key. */
export const KEY_BYTES = 16;
/** The same in words, as tables hold keys. */
export const KEY_WORDS = 4;
const KEY_HEX = /^[0-9a-f]{32}$/;

export type IdentityOptions = Pick<
  JobOptions,
  'cwd' | 'cwdMatters' | 'mounts' | 'withDocker' | 'withSingularity' | 'containerMounts'
>;

/** What stands around the command in the identity string. `after` always begins with the dot that ends the command. */
export interface IdentityFrame {
  readonly before: string;
  readonly after: string;
}

export function identityFrame(options: IdentityOptions): IdentityFrame {
  return {
    before: options.cwdMatters ? `${options.cwd}.` : '',
    after: `.${mountsKey(options.mounts)}${containerSuffix(options)}`,
  };
}

/** The mounts' part of an identity: '' without mounts. */
export function mountsKey(mounts: readonly MountConfig[]): string {
  if (mounts.length === 0) return '';
  const sorted = [...mounts].sort((a, b) => compare(a.Mount ?? '', b.Mount ?? ''));
  let key = '';
  for (const { Mount, Targets } of sorted) {
    key += `${Mount || 'mnt'}:`;
    for (const target of Targets) key += `${target.Profile || 'default'}-${target.Path};`;
  }
  return key;
}

function containerSuffix(options: IdentityOptions): string {
  if (options.withDocker !== '') return `.docker:${options.withDocker}.${options.containerMounts}`;
  if (options.withSingularity !== '')
    return `.singularity:${options.withSingularity}.${options.containerMounts}`;
  return '';
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * The key of a command, as 16 bytes.
 * @param cmd - its bytes, or a text that stands for its UTF-8
 */
export function jobKey(cmd: Uint8Array | string, options: IdentityOptions): Uint8Array {
  return hash('md5', identityBytes(cmd, options), 'buffer');
}

/** The key of a command as users see it: 32 lower-case hex digits. */
export function jobKeyHex(cmd: Uint8Array | string, options: IdentityOptions): string {
  return hash('md5', identityBytes(cmd, options), 'hex');
}

function identityBytes(cmd: Uint8Array | string, options: IdentityOptions): Uint8Array | string {
  const { before, after } = identityFrame(options);
  if (typeof cmd === 'string') return before + cmd + after;
  return Buffer.concat([Buffer.from(before), cmd, Buffer.from(after)]);
}

/** @returns 32 lower-case hex digits of the key that begins at byte `at` */
export function keyToHex(keys: Uint8Array, at = 0): string {
  return Buffer.from(keys.buffer, keys.byteOffset + at, KEY_BYTES).toString('hex');
}

/** @returns the 16 bytes, or `null` when the text is not 32 hex digits (upper case is taken too) */
export function hexToKey(hex: string): Uint8Array | null {
  const lower = hex.toLowerCase();
  return KEY_HEX.test(lower) ? new Uint8Array(Buffer.from(lower, 'hex')) : null;
}
