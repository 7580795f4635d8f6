/** What ingest makes of a frame, and array-part of some commands of an array. */
import type { NamedLinks } from '../core/dependency-links.ts';
import type { UnknownMember } from '../core/json-values.ts';
import type { ArrayLine } from './array-line.ts';

export interface IngestResult {
  /** Commands; 0 with an error. */
  readonly count: number;
  /** Input lines, blank ones included. */
  readonly lines: number;
  /** 16 bytes a command: a view of `segment`'s own buffer. */
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Its template ids count from 0 in `templates`: `setTemplateIds` gives it the true ones. Empty without commands. */
  readonly segment: Uint8Array<ArrayBuffer>;
  /** Canonical JSON a template; `parseTemplate` reads it. */
  readonly templates: readonly string[];
  /** `null`: every command has template 0. */
  readonly templateIndex: Uint32Array<ArrayBuffer> | null;
  /** `null`: every command has its template's. */
  readonly priorities: Uint8Array<ArrayBuffer> | null;
  /** The line of each command within these bytes, from 1; `null` when nobody wants to know. */
  readonly lineNumbers: Uint32Array<ArrayBuffer> | null;
  /** Some command differs from its template in more than its priority. */
  readonly hasDelta: boolean;
  /** What its commands wait for and belong to; `null`: nothing. */
  readonly links: NamedLinks | null;
  /** Some line did not set its report group itself. */
  readonly usedDefaultRepGroup: boolean;
  /** JSON members that mean nothing, at most 20, each with its first line within these bytes, from 1. */
  readonly unknownMembers: readonly UnknownMember[];
  /** The first bad line, from 1 within these bytes; nothing of them is to be added. */
  readonly error: { readonly line: number; readonly message: string } | null;
  /** What follows when the bytes hold arrays: each with the lines behind it, its own line counted as the first of them. */
  readonly rest: readonly { readonly array: ArrayLine; readonly behind: IngestResult }[];
}
