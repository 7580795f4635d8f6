import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transferableSymbol, valueSymbol } from 'piscina';
import { PlanTable } from '../../core/plan-table.ts';
import planTask, { type PlanTask, plan } from '../../workers/plan.ts';

function makeTask(): PlanTask {
  const table = new PlanTable();
  table.addGroup({ id: 0, memoryMb: 50, cpus: 1 });
  table.addGroup({ id: 1, memoryMb: 100, cpus: 1 });
  table.addGroup({ id: 2, memoryMb: 9_999, cpus: 1 });
  table.addGroup({ id: 3, memoryMb: 100, cpus: 0.5 });
  table.noteGroup(1, 5, 1, 0);
  table.noteGroup(2, 1, 0, 3);
  table.noteGroup(3, 9, 0, 0);
  return { how: 'pack', capacity: { cpus: 4, memoryMb: 1_000 }, table: table.view, nowMs: 0 };
}

describe('the plan task', () => {
  it('names the groups that are to have slots, and those that can never run, by their ids', () => {
    const { ids, slots, impossible, contested } = plan(makeTask());
    assert.deepEqual([...ids], [1]);
    assert.deepEqual([...slots], [4]);
    assert.deepEqual([...impossible], [2]);
    assert.equal(contested, false);
  });

  it('hands its columns over to be moved', () => {
    const movable = planTask(makeTask()) as unknown as Record<symbol, unknown>;
    const result = movable[valueSymbol] as ReturnType<typeof plan>;
    assert.deepEqual(movable[transferableSymbol], [
      result.ids.buffer,
      result.slots.buffer,
      result.impossible.buffer,
      result.next.buffer,
    ]);
    assert.deepEqual(result, plan(makeTask()));
  });
});
