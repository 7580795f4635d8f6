/** What kill, retry, remove, suspend and resume have in common: some jobs are named, the manager changes those it can. */
import type { ChangedReply } from '../core/client-replies.ts';
import { WrError } from '../core/errors.ts';
import type { Selector } from '../core/selector.ts';
import { Client } from './client.ts';
import type { Context } from './command.ts';
import { checkSelectors, resolveSelectors } from './select.ts';
import type { SelectFlags } from './select-flags.ts';
import { warnOfWords } from './stray-words.ts';
import { timeoutMsOf } from './timeout.ts';

export type Changed = Pick<ChangedReply, 'changed' | 'eligible' | 'held'>;

export interface Change {
  readonly change: (client: Client, select: Selector) => Promise<ChangedReply>;
  /** The error when nothing is selected that could be changed, and what to do then. */
  readonly none?: string;
  readonly noneHint?: string;
  /** Warned of when commands were selected and none of them could be changed; '': nothing. */
  readonly unchanged?: string;
}

/**
 * Carries out a change on everything that is selected.
 * @param words - of the command line that are no flags: they select nothing, which is warned of
 * @throws {WrError} JOB_NOT_FOUND when nothing is selected
 */
export async function changeJobs(
  flags: SelectFlags & { readonly deployment?: string },
  words: readonly string[],
  context: Context,
  { change, none = 'No matching jobs found', noneHint, unchanged = '' }: Change,
): Promise<Changed> {
  checkSelectors(flags, true);
  const timeoutMs = timeoutMsOf(flags.timeout);
  const config = await context.config(flags.deployment);
  const { cwd, log } = context;
  warnOfWords(words, log);
  const { link } = await context.connect(config, { timeoutMs });
  const client = new Client(link, timeoutMs);
  const selectors = await resolveSelectors(flags, client, {
    cwd,
    deployment: config.deployment,
    log,
    needed: true,
  });
  let changed = 0;
  let eligible = 0;
  let held = 0;
  const warnings: string[] = [];
  for (const select of selectors) {
    const reply = await change(client, select);
    changed += reply.changed;
    eligible += reply.eligible;
    held += reply.held ?? 0;
    warnings.push(...(reply.warnings ?? []));
  }
  if (eligible === 0)
    throw new WrError('JOB_NOT_FOUND', none, noneHint === undefined ? {} : { hint: noneHint });
  for (const warning of warnings) log.warn(warning);
  if (changed === 0 && warnings.length === 0 && unchanged !== '') log.warn(unchanged);
  return { changed, eligible, held };
}
