/**
 * What the manager tells the C library's allocator, through its environment: blocks of 128 KiB and more are always mapped on
 * their own and go back to the system when freed. By itself glibc raises that limit with each large block freed, up to
 * 32 MiB, and then keeps what an add has used in holes of its heaps (measured after adding 1 M lines: 150–165 B a command
 * without, 116–134 B with; the add takes as long).
 */
export const ALLOCATOR_VARIABLE = 'MALLOC_MMAP_THRESHOLD_';
export const ALLOCATOR_VALUE = '131072';

/** `env` with the setting, unless it says something of it already. */
export function withAllocator<T extends Record<string, string | undefined>>(env: T): T {
  return { ...env, [ALLOCATOR_VARIABLE]: env[ALLOCATOR_VARIABLE] ?? ALLOCATOR_VALUE };
}

/** Takes the setting out again once it has been read, so that no process started from here inherits it. */
export function dropAllocator(env: Record<string, string | undefined>): void {
  if (env[ALLOCATOR_VARIABLE] === ALLOCATOR_VALUE) delete env[ALLOCATOR_VARIABLE];
}
