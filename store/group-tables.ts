/** What stands of groups under their names: tables `failBudgets`, `learned` and `usage` as layout.ts lists them. */
import { hash } from 'node:crypto';
import { pack, unpack } from 'msgpackr';
import type { FailBudget } from '../core/fail-budgets.ts';
import { type ByStatistic, STATISTICS } from '../core/learning.ts';
import type { SavedUsage } from '../core/req-usage.ts';
import type { KeyValueReader, Write } from './key-value.ts';

const EMPTY = new Uint8Array(0);

/** `undefined`: it has none any more. */
export function failBudgetWrite(repGroup: string, budget: FailBudget | undefined): Write {
  const key = nameKey(repGroup);
  if (budget === undefined) return { table: 'failBudgets', key, value: null };
  const { max, fails, stopped } = budget;
  return { table: 'failBudgets', key, value: pack([repGroup, max, fails, stopped]) };
}

export function learnedWrite(saved: SavedUsage): Write {
  return { table: 'learned', key: nameKey(saved.reqGroup), value: pack(saved) };
}

/** @param sets - each ascending */
export function usageWrite(reqGroup: string, sets: ByStatistic<Uint32Array>): Write {
  const bytes = STATISTICS.map((statistic) => {
    const { buffer, byteOffset, byteLength } = sets[statistic];
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
  return { table: 'usage', key: nameKey(reqGroup), value: pack(bytes) };
}

export function readFailBudget(store: KeyValueReader, repGroup: string): FailBudget | undefined {
  const value = store.get('failBudgets', nameKey(repGroup));
  return value === undefined ? undefined : failBudgetOf(value).budget;
}

export function* readFailBudgets(
  store: KeyValueReader,
): Iterable<{ readonly repGroup: string; readonly budget: FailBudget }> {
  for (const { value } of store.range('failBudgets')) yield failBudgetOf(value);
}

export function readLearned(store: KeyValueReader, reqGroup: string): SavedUsage | undefined {
  const bytes = store.get('learned', nameKey(reqGroup));
  return bytes === undefined ? undefined : unpack(bytes);
}

/** The sets of a requirement group; empty ones when nothing was recorded. */
export function readUsage(store: KeyValueReader, reqGroup: string): ByStatistic<Uint32Array> {
  const bytes = store.get('usage', nameKey(reqGroup));
  const [memory, disk, time] = bytes === undefined ? [] : (unpack(bytes) as readonly Uint8Array[]);
  return { memory: asSet(memory), disk: asSet(disk), time: asSet(time) };
}

function failBudgetOf(value: Uint8Array): { readonly repGroup: string; readonly budget: FailBudget } {
  const [repGroup, max, fails, stopped] = unpack(value) as [string, number, number, boolean];
  return { repGroup, budget: { max, fails, stopped } };
}

/** Names may be longer than keys. */
function nameKey(name: string): Uint8Array {
  return hash('md5', name, 'buffer');
}

/** A copy, for bytes of a record need not lie on a word. */
function asSet(bytes: Uint8Array = EMPTY): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}
