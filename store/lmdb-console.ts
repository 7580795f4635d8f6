/**
 * Keeps the binding from writing to the console what it also throws: of each commit that fails it prints the error, with
 * its stack, before it rejects the promise. With a full disk those lines would fill the log once a second.
 */

/** Where in the stack of an error the binding stands that reports a commit. */
const BINDING = /[\\/]node_modules[\\/]lmdb[\\/]/;

let quiet = false;

/** From now on, in this thread. Everything else still reaches the console. */
export function keepBindingQuiet(target: Pick<Console, 'error'> = console): void {
  if (quiet && target === console) return;
  quiet ||= target === console;
  const say = target.error.bind(target);
  target.error = (...values: unknown[]): void => {
    if (!isOfBinding(values)) say(...values);
  };
}

function isOfBinding(values: readonly unknown[]): boolean {
  const [error] = values;
  return values.length === 1 && error instanceof Error && BINDING.test(error.stack ?? '');
}
