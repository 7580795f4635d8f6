/**
 * What an add would do with its commands, without doing it: the same verdicts as `claims.ts` gives, while nothing is
 * claimed, numbered or kept once this object is gone.
 */
import { asWords } from './claims.ts';
import { JobTable, rowOf } from './job-table.ts';
import { KeyIndex } from './key-index.ts';
import { isLive, STATE } from './states.ts';

/** What would become of a command. */
export const VERDICT = {
  /** It would be added. */
  new: 0,
  /** It is in the queue already. */
  queued: 1,
  /** It completed before. */
  complete: 2,
  /** It stands earlier in the same input. */
  repeated: 3,
} as const;
export type Verdict = keyof typeof VERDICT;
export const VERDICTS = Object.keys(VERDICT) as readonly Verdict[];

export interface Judged {
  /** A code a key. */
  readonly verdicts: Uint8Array<ArrayBuffer>;
  /** By key: the number of the complete job that has it, or 0; `null`: none is complete. */
  readonly completeAt: Uint32Array | null;
}

/** What of the queue is asked. */
export interface KnownKeys {
  readonly table: JobTable;
  readonly keys: KeyIndex;
}

export class DryClaims {
  readonly #known: KnownKeys;
  readonly #rerun: boolean;
  /** What of this input would be new: a number of its own each, in input order. */
  readonly table = new JobTable();
  readonly #seen = new KeyIndex(this.table);

  constructor(known: KnownKeys, rerun: boolean) {
    this.#known = known;
    this.#rerun = rerun;
  }

  /**
   * @param keys - 16 bytes a key
   * @param inHistory - by key: the number of the archived complete job that has it, or 0; `null`: none is
   */
  judge(keys: Uint8Array, inHistory: Uint32Array | null): Judged {
    const words = asWords(keys);
    const verdicts = new Uint8Array(words.length >>> 2);
    let completeAt: Uint32Array | null = null;
    for (let i = 0; i < verdicts.length; i += 1) {
      const key = words.subarray(4 * i, 4 * i + 4);
      const complete = this.#completeNumber(key, inHistory?.[i] ?? 0);
      if (complete < 0) verdicts[i] = VERDICT.queued;
      else if (complete > 0) {
        verdicts[i] = VERDICT.complete;
        completeAt ??= new Uint32Array(verdicts.length);
        completeAt[i] = complete;
      } else if (this.#isRepeated(key)) verdicts[i] = VERDICT.repeated;
    }
    return { verdicts, completeAt };
  }

  /** The number of a command of the input that would be new, by its key's four words from `at` on; 0: it is none. */
  find(words: Uint32Array, at: number): number {
    return this.#seen.find(...wordsOf(words.subarray(at, at + 4)));
  }

  /** @returns the complete job that stands in the way, 0 when none does, −1 when one in the queue does */
  #completeNumber(key: Uint32Array, archived: number): number {
    const number = this.#known.keys.find(...wordsOf(key));
    const state = number === 0 ? STATE.none : this.#known.table.state(number);
    // A row without a state is claimed by an add under way.
    if (number !== 0 && (isLive(state) || state === STATE.none)) return -1;
    if (this.#rerun) return 0;
    return state === STATE.complete ? number : archived;
  }

  #isRepeated(key: Uint32Array): boolean {
    const number = this.table.allocate(1);
    const at = rowOf(number) * 4;
    this.table.chunkFor(number).key.set(key, at);
    if (this.#seen.claim(number, ...wordsOf(key)) === 0) return false;
    this.table.giveBack(number, number + 1);
    return true;
  }
}

function wordsOf(key: Uint32Array): [number, number, number, number] {
  return [key[0] as number, key[1] as number, key[2] as number, key[3] as number];
}
