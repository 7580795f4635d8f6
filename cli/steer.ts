/** What pause and drain have in common: what still runs, and until when (spec: cli.md §10). */
import type { Config } from '../core/config.ts';
import type { SteeredReply } from '../core/protocol-control.ts';
import { formatDuration } from '../core/units.ts';
import { Client } from './client.ts';
import type { Connected, Context } from './command.ts';

/** @throws {WrError} when no manager answers */
export async function steer(
  to: 'pause' | 'resume' | 'drain',
  config: Config,
  context: Context,
): Promise<{ readonly reply: SteeredReply; readonly connected: Connected }> {
  const connected = await context.connect(config);
  return { reply: await new Client(connected.link).steer(to), connected };
}

/** How many commands still run, and when they should be over. */
export function whatRuns({ running, lost, expectedMs }: SteeredReply): string {
  const others = lost === 0 ? '' : `; contact was lost with ${lost === 1 ? 'one' : lost} more`;
  if (running === 0) return `no commands are running${others}`;
  const left = expectedMs > 0 ? `less than ${formatDuration(Math.ceil(expectedMs / 1000) * 1000)}` : '';
  if (running === 1) {
    return `1 command is still running, which should ${left === '' ? 'already be done' : `end in ${left}`}${others}`;
  }
  return `${running} commands are still running, which should ${left === '' ? 'already be done' : `all end in ${left}`}${others}`;
}
