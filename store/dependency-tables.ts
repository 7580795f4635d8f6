/** What stands of dependencies: tables `links`, `dependants`, `seen` and `unseen` as layout.ts lists them. */
import { decodeLinks, encodeLinks, type LinkColumns } from '../core/dependency-links.ts';
import { type KeyValueReader, keyToU32, u32Key, type Write } from './key-value.ts';

const EMPTY = new Uint8Array(0);

export function linksWrite(first: number, links: LinkColumns): Write {
  return { table: 'links', key: u32Key(first), value: encodeLinks(links) };
}

/** A complete job waited for this group: it runs again when the group gains a member. */
export function* dependantWrites(hash: Uint8Array, number: number): Iterable<Write> {
  yield { table: 'dependants', key: hash, value: EMPTY };
  yield { table: 'dependants', key: dependantKey(hash, number), value: EMPTY };
}

export function dropDependantWrite(hash: Uint8Array, number: number): Write {
  return { table: 'dependants', key: dependantKey(hash, number), value: null };
}

export function seenWrite(hash: Uint8Array): Write {
  return { table: 'seen', key: hash, value: EMPTY };
}

export function unseenWrite(hash: Uint8Array, unseen: boolean): Write {
  return { table: 'unseen', key: hash, value: unseen ? EMPTY : null };
}

/** `undefined`: the jobs of that segment have no part in dependencies. */
export function readLinks(store: KeyValueReader, first: number): LinkColumns | undefined {
  const bytes = store.get('links', u32Key(first));
  return bytes === undefined ? undefined : decodeLinks(bytes);
}

export function isSeen(store: KeyValueReader, hash: Uint8Array): boolean {
  return store.get('seen', hash) !== undefined;
}

export function isUnseen(store: KeyValueReader, hash: Uint8Array): boolean {
  return store.get('unseen', hash) !== undefined;
}

export function* readUnseen(store: KeyValueReader): Iterable<Uint8Array> {
  for (const { key } of store.range('unseen')) yield key;
}

/** Numbers of complete jobs that waited for a group when they were in the queue, run again since or not. */
export function* readDependants(store: KeyValueReader, hash: Uint8Array): Iterable<number> {
  if (store.get('dependants', hash) === undefined) return;
  for (const { key } of store.range('dependants', { from: dependantKey(hash, 0) })) {
    if (Buffer.compare(key.subarray(0, 16), hash) !== 0) return;
    yield keyToU32(key.subarray(16));
  }
}

function dependantKey(hash: Uint8Array, number: number): Uint8Array {
  const key = new Uint8Array(20);
  key.set(hash);
  key.set(u32Key(number), 16);
  return key;
}
