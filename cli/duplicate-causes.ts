/** Why commands of an add were duplicates (since-0.36.md §1.3, "result"). */
import type { AddedReply } from '../core/client-replies.ts';
import { shortTime } from './output/times.ts';

/** Other report groups that are named; the rest are counted. */
const NAMED_MAX = 20;

/** A sentence a cause; none when nothing was a duplicate. */
export function duplicateCauses(reply: AddedReply): string[] {
  const { repeated = 0, complete } = reply;
  const queued = reply.queued - repeated;
  const causes = [
    queued > 0 ? `${queued} ${queued === 1 ? 'is' : 'are'} in the queue already` : '',
    repeated > 0 ? `${repeated} ${repeated === 1 ? 'stands' : 'stand'} earlier in the input` : '',
    complete > 0 ? `${complete} completed before (--rerun runs ${complete === 1 ? 'it' : 'them'} again)` : '',
  ].filter((cause) => cause !== '');
  if (causes.length === 0) return [];
  return [`Of the duplicates, ${causes.join(', and ')}`, ...completedWhere(reply)];
}

function completedWhere({ complete, completeHere = complete, completeElsewhere = [] }: AddedReply): string[] {
  if (completeElsewhere.length === 0) return [];
  const others = completeElsewhere.reduce((sum, { count }) => sum + count, 0);
  const named = completeElsewhere
    .slice(0, NAMED_MAX)
    .map(({ repGroup, count, lastEndMs }) => `'${repGroup}' (${count}, last on ${shortTime(lastEndMs)})`);
  const left = completeElsewhere.length - named.length;
  if (left > 0) named.push(`${left} further ones`);
  return [
    `Of the completed ones, ${completeHere} did under the identifier given, ${others} under others: ${named.join(', ')}`,
  ];
}
