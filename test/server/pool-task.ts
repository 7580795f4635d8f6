/** A task that does whatever a test asks for. */
import { threadId } from 'node:worker_threads';
import { WrError } from '../../core/errors.ts';

export type Order =
  | { readonly do: 'answer'; readonly with: unknown }
  | { readonly do: 'refuse' }
  | { readonly do: 'throw' }
  | { readonly do: 'exit' }
  | { readonly do: 'exhaust' }
  | { readonly do: 'crashLater' }
  | { readonly do: 'wait'; readonly on: Int32Array }
  | { readonly do: 'thread' };

// biome-ignore lint/style/noDefaultExport: a task file says with it what the task is.
export default function obey(order: Order): unknown {
  switch (order.do) {
    case 'answer':
      return order.with;
    case 'refuse':
      throw new WrError('BAD_LINE', 'line 7 is bad', { cause: new RangeError('too large') });
    case 'throw':
      throw new TypeError('a defect');
    case 'exit':
      process.exit(3);
      break;
    case 'exhaust': {
      const hoard: string[][] = [];
      for (;;) hoard.push(Array.from({ length: 100_000 }, (_, index) => `${index}`));
    }
    case 'crashLater':
      setImmediate(() => {
        throw new Error('between two tasks');
      });
      return 'soon';
    case 'wait':
      Atomics.wait(order.on, 0, 0);
      return 'woken';
    case 'thread':
      return threadId;
    default:
      return order satisfies never;
  }
  return undefined;
}
