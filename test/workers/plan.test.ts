import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transferableSymbol, valueSymbol } from 'piscina';
import planTask, { type PlanTask, plan } from '../../workers/plan.ts';

const TASK: PlanTask = {
  how: 'pack',
  groups: {
    ready: Uint32Array.of(5, 1, 9),
    open: Uint32Array.of(1, 0, 0),
    priority: Uint8Array.of(0, 3, 0),
    memoryMb: Float64Array.of(100, 9_999, 100),
    cpus: Float64Array.of(1, 1, 0.5),
    arrival: Float64Array.of(1, 2, 3),
  },
  capacity: { cpus: 4, memoryMb: 1_000 },
};

describe('the plan task', () => {
  it('answers with slots by group and with what can never run', () => {
    const { slots, impossible } = plan(TASK);
    assert.deepEqual([...slots], [4, 0, 0]);
    assert.deepEqual([...impossible], [1]);
  });

  it('hands its columns over to be moved', () => {
    const movable = planTask(TASK) as unknown as Record<symbol, unknown>;
    const result = movable[valueSymbol] as ReturnType<typeof plan>;
    assert.deepEqual(movable[transferableSymbol], [result.slots.buffer, result.impossible.buffer]);
    assert.deepEqual(result, plan(TASK));
  });
});
