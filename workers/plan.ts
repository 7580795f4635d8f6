/** The *plan* task: which scheduler groups should have how many runners. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { decide, type Plan, type PlanInput } from '../core/planning.ts';

export type PlanTask = PlanInput;
export type PlanResult = Plan;

/** For tests and simulations, in the same thread. */
export function plan(task: PlanTask): PlanResult {
  return decide(task);
}

/** The task as Piscina runs it: the columns of the result are moved, not copied. */
export default function planTask(task: PlanTask): ReturnType<typeof move> {
  const result = decide(task);
  return move({
    [transferableSymbol]: [result.slots.buffer, result.impossible.buffer],
    [valueSymbol]: result,
  });
}
