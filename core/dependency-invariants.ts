/** What must hold of dependencies after each step: every counter equals a recount of the links. Slow, for tests. */
import { NODE } from './dependency-nodes.ts';
import type { JobQueue } from './job-queue.ts';
import { FIRST_JOB_NUMBER } from './job-table.ts';
import { isLive, STATE, stateName } from './states.ts';

export function checkDependencies(queue: JobQueue, faults: string[]): void {
  const { dependencies, table } = queue;
  const { nodes, sweeping } = dependencies;
  const members = new Map<number, number>();
  const waiters = new Map<number, number>();
  for (let number = FIRST_JOB_NUMBER; number < table.end; number += 1) {
    const state = table.state(number);
    if (table.chunkOf(number) === undefined) continue;
    for (const node of dependencies.nodesOf(number)) add(members, node);
    const waits = [...dependencies.waitsOf(number)];
    for (const node of waits) add(waiters, node);
    if (state === STATE.none) continue; // Archived, or of an add that is not on disk yet.
    const open = waits.filter((node) => nodes.isOpen(node)).length;
    if (!isLive(state)) {
      if (waits.length > 0) faults.push(`I3: ${stateName(state)} job ${number} waits`);
      continue;
    }
    if (sweeping) continue;
    if (dependencies.unmet(number) !== open)
      faults.push(`I3: job ${number} counts ${dependencies.unmet(number)} unmet dependencies, not ${open}`);
    if (state === STATE.dependent && open === 0) faults.push(`I3: dependent job ${number} waits for nothing`);
    const runs = state === STATE.ready || state === STATE.delayed;
    if (runs && open > 0) faults.push(`I3: ${stateName(state)} job ${number} has ${open} unmet dependencies`);
  }
  for (const node of nodes.all()) {
    if (nodes.members.get(node) !== (members.get(node) ?? 0))
      faults.push(
        `I3: node ${node} counts ${nodes.members.get(node)} members, not ${members.get(node) ?? 0}`,
      );
    if (nodes.waiters.get(node) !== (waiters.get(node) ?? 0))
      faults.push(
        `I3: node ${node} counts ${nodes.waiters.get(node)} waiters, not ${waiters.get(node) ?? 0}`,
      );
    if (nodes.members.get(node) > 0 && !nodes.is(node, NODE.seen))
      faults.push(`I8: node ${node} has members and was never seen`);
    if (!nodes.is(node, NODE.single) && findByHash(queue, node) !== node)
      faults.push(`I10: the hash of node ${node} leads elsewhere`);
  }
}

function findByHash({ dependencies }: JobQueue, node: number): number {
  const [h0 = 0, h1 = 0, h2 = 0, h3 = 0] = new Uint32Array(dependencies.nodes.hash(node).buffer);
  return dependencies.nodes.find(h0, h1, h2, h3);
}

function add(counts: Map<number, number>, of: number): void {
  counts.set(of, (counts.get(of) ?? 0) + 1);
}
