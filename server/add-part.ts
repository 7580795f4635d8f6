import type { NamedLinks } from '../core/dependency-links.ts';
import type { Template } from '../core/templates.ts';

/** A part of an add that was parsed: as many jobs as one frame held. */
export interface AddPart {
  /** Its id in the store. */
  readonly segment: number;
  /** The packed jobs; `null` once they are in the store. */
  readonly bytes: Uint8Array | null;
  readonly keys: Uint8Array;
  readonly templates: readonly Template[];
  /** Which of `templates` each job has; `null`: all the first. */
  readonly templateIndex: Uint32Array | null;
  /** `null`: the template's. */
  readonly priorities: Uint8Array | null;
  /** What its jobs wait for and belong to; `null`: nothing. */
  readonly links: NamedLinks | null;
  /** By job: the number of the archived complete job that has its key, or 0; `null`: none. */
  readonly inHistory: Uint32Array | null;
  /** The array that its jobs are commands of: one object for each array; `null`: they are of none. */
  readonly array: object | null;
}
