/**
 * Walks the pages that a database file refers to, without mapping it: whether a file that ends before its highest page
 * was cut, or only ends in pages that were freed before they were ever written.
 *
 * ```
 * page    ┌ number u64 · txn u64 · pad u16 · flags u16 · lower u16 · upper u16 ┬ offsets u16 … ┬ free ┬ nodes
 * branch node  child page (48 bits: low, high, flags) · key size u16 · key
 * leaf node    data size u32 · flags u16 · key size u16 · key · data, or where it lies: page u64 · txn u64 · pages u64
 * ```
 */
import { readSync } from 'node:fs';

const PAGE_HEADER = 24;
const NODE_HEADER = 8;
const BRANCH = 0x01;
const LEAF = 0x02;
const BIG_DATA = 0x01;
const SUB_DATABASE = 0x02;
/** Where the root stands in a database's description. */
const ROOT_OFFSET = 40;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * @param file - an open descriptor
 * @param fileBytes - its length
 * @param roots - root pages of the trees of free and of used pages
 * @returns the first byte that is missing or wrong, or `null` when everything referred to is there
 */
export function findMissingPage(
  file: number,
  fileBytes: number,
  pageBytes: number,
  roots: readonly bigint[],
): number | null {
  const page = Buffer.alloc(pageBytes);
  const waiting = roots.filter((root) => root !== NO_PAGE).map(Number);
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    const at = number * pageBytes;
    if (at + pageBytes > fileBytes || readSync(file, page, 0, pageBytes, at) < pageBytes) return at;
    const flags = page.readUInt16LE(18);
    if (Number(page.readBigUInt64LE(0)) !== number || (flags & (BRANCH | LEAF)) === 0) return at;
    for (const node of nodesOf(page)) {
      const next =
        (flags & BRANCH) !== 0 ? page.readUIntLE(node, 6) : leafNode(page, node, pageBytes, fileBytes);
      if (next === null) return at;
      if (next > 0) waiting.push(next);
    }
  }
  return null;
}

function* nodesOf(page: Buffer): Iterable<number> {
  const count = page.readUInt16LE(20) >> 1;
  const room = (page.length - PAGE_HEADER) >> 1;
  for (let index = 0; index < Math.min(count, room); index += 1) {
    const node = page.readUInt16LE(PAGE_HEADER + 2 * index) + PAGE_HEADER;
    if (node + NODE_HEADER <= page.length) yield node;
  }
}

/** @returns the root of the tree below a node, 0 for plain data, `null` when its data lie beyond the file */
function leafNode(page: Buffer, node: number, pageBytes: number, fileBytes: number): number | null {
  const flags = page.readUInt16LE(node + 4);
  const data = node + NODE_HEADER + page.readUInt16LE(node + 6);
  if (data + 3 * 8 > page.length) return (flags & (BIG_DATA | SUB_DATABASE)) === 0 ? 0 : null;
  if ((flags & BIG_DATA) !== 0) {
    const last = page.readBigUInt64LE(data) + page.readBigUInt64LE(data + 16);
    return last * BigInt(pageBytes) > BigInt(fileBytes) ? null : 0;
  }
  if ((flags & SUB_DATABASE) === 0) return 0;
  if (data + ROOT_OFFSET + 8 > page.length) return null;
  const root = page.readBigUInt64LE(data + ROOT_OFFSET);
  return root === NO_PAGE ? 0 : Number(root);
}
