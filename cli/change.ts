/** What kill, retry, remove, suspend and resume have in common: some jobs are named, the manager changes those it can. */

import type { ChangedReply } from '../core/client-replies.ts';
import type { Selector } from '../core/client-requests.ts';
import { WrError } from '../core/errors.ts';
import { Client, TIMEOUT_MS } from './client.ts';
import type { Context } from './command.ts';
import { checkSelectors, resolveSelectors, type SelectFlags } from './select.ts';

export type Changed = Pick<ChangedReply, 'changed' | 'eligible' | 'held'>;

/**
 * Carries out a change on everything that is selected.
 * @throws {WrError} JOB_NOT_FOUND with `noneText` when nothing could be changed
 */
export async function changeJobs(
  flags: SelectFlags & { readonly deployment?: string },
  context: Context,
  change: (client: Client, select: Selector) => Promise<ChangedReply>,
  noneText = 'No matching jobs found',
): Promise<Changed> {
  checkSelectors(flags, true);
  const config = await context.config(flags.deployment);
  const timeoutMs = flags.timeout === undefined ? TIMEOUT_MS : flags.timeout * 1000;
  const { link } = await context.connect(config, { timeoutMs });
  const client = new Client(link, timeoutMs);
  const { cwd, log } = context;
  const selectors = await resolveSelectors(flags, client, {
    cwd,
    deployment: config.deployment,
    log,
    needed: true,
  });
  let changed = 0;
  let eligible = 0;
  let held = 0;
  for (const select of selectors) {
    const reply = await change(client, select);
    changed += reply.changed;
    eligible += reply.eligible;
    held += reply.held ?? 0;
  }
  if (eligible === 0) throw new WrError('JOB_NOT_FOUND', noneText);
  return { changed, eligible, held };
}
