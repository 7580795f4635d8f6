/** A part of an add whose jobs have numbers, with its links in terms of these. */
import type { Claim } from '../core/claims.ts';
import { countBefore, keptRuns, type LinkColumns, type NamedLinks, RUN } from '../core/dependency-links.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { isLive, STATE } from '../core/states.ts';
import type { AddPart } from './add-part.ts';

export interface LinkedPart {
  readonly part: AddPart;
  readonly claim: Claim;
  /** By position among its new jobs; `null`: they have none. */
  readonly links: LinkColumns | null;
  /** Nodes of `links.groups`, as far as they were looked up; 0: not yet. */
  readonly nodes: Uint32Array;
}

const NO_NODES = new Uint32Array(0);

/** Single jobs that are not in the queue drop out of what is waited for: nobody waits for them. */
export function linkedPart(queue: JobQueue, part: AddPart, claim: Claim): LinkedPart {
  const named = part.links;
  if (named === null || claim.count === 0) return { part, claim, links: null, nodes: NO_NODES };
  const count = part.keys.byteLength / 16;
  const before = claim.keep === null ? null : countBefore(claim.keep);
  const links = {
    groups: named.groups,
    members: keptRuns(named.members, before, count),
    waits: keptRuns(named.waits, before, count),
    singles: withParents(keptRuns(named.singles, before, count), parents(queue, named, claim)),
  };
  return { part, claim, links, nodes: new Uint32Array(named.groups.length / 4) };
}

/** Job numbers of the single jobs named, 0 for those that are not in the queue. */
function parents(queue: JobQueue, { keys, near }: NamedLinks, { first, keep }: Claim): Uint32Array {
  const numbers = new Uint32Array(near.length);
  for (let i = 0; i < numbers.length; i += 1) {
    const place = near[i] as number;
    // Where no job of the part was left out, each has the number that its place says.
    if (place > 0 && keep === null) numbers[i] = first + place - 1;
    else numbers[i] = parent(queue, keys, 4 * i);
  }
  return numbers;
}

function parent(queue: JobQueue, keys: Uint32Array, at: number): number {
  const number = queue.keys.find(
    keys[at] as number,
    keys[at + 1] as number,
    keys[at + 2] as number,
    keys[at + 3] as number,
  );
  // One without a state is being added, by this add or another one.
  const state = queue.table.state(number);
  return number !== 0 && (state === STATE.none || isLive(state)) ? number : 0;
}

function withParents(runs: Uint32Array, numbers: Uint32Array): Uint32Array {
  const kept = new Uint32Array(runs.length);
  let to = 0;
  for (let at = 0; at < runs.length; at += RUN) {
    const parent = numbers[runs[at + 2] as number] as number;
    if (parent === 0) continue;
    kept[to] = runs[at] as number;
    kept[to + 1] = runs[at + 1] as number;
    kept[to + 2] = parent;
    to += RUN;
  }
  return kept.subarray(0, to);
}

/** The groups that runs name, each once, as indexes. @param count - of groups */
export function groupsOf(runs: Uint32Array, count: number): number[] {
  const groups: number[] = [];
  const isTold = new Uint8Array(count);
  for (let at = 2; at < runs.length; at += RUN) {
    const group = runs[at] as number;
    if (isTold[group] === 0) groups.push(group);
    isTold[group] = 1;
  }
  return groups;
}

/** The hashes of some groups, 16 bytes each. */
export function hashesOf(words: Uint32Array, groups: readonly number[]): Uint8Array {
  const hashes = new Uint32Array(4 * groups.length);
  groups.forEach((group, i) => {
    hashes.set(words.subarray(4 * group, 4 * group + 4), 4 * i);
  });
  return new Uint8Array(hashes.buffer);
}

/** One of some hashes, as a text of 16 characters. */
export function hashText(hashes: Uint8Array, at: number): string {
  return Buffer.from(hashes.buffer, hashes.byteOffset + 16 * at, 16).toString('latin1');
}

/** Adds the hashes of the groups that jobs are members of, by their text. */
export function collectGaining({ groups, members }: LinkColumns, into: Map<string, Uint8Array>): void {
  const hashes = hashesOf(groups, groupsOf(members, groups.length / 4));
  for (let at = 0; at < hashes.byteLength / 16; at += 1)
    into.set(hashText(hashes, at), hashes.subarray(16 * at, 16 * at + 16));
}

/** A member's position in the input, from its position among the new jobs. */
export function inputPosition({ keep }: Claim, kept: number): number {
  if (keep === null) return kept;
  let left = kept;
  for (let at = 0; at < keep.length; at += 1) {
    if (keep[at] !== 1) continue;
    if (left === 0) return at;
    left -= 1;
  }
  return 0;
}

export function holds(claim: Claim, number: number): boolean {
  return number >= claim.first && number < claim.first + claim.count;
}
