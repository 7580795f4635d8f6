/**
 * What the manager tells the C library's allocator, through its environment.
 *
 * Blocks of 128 KiB and more are always mapped on their own and go back to the system when freed. By itself glibc raises that
 * limit with each large block freed, up to 32 MiB, and then keeps what an add has used in holes of its heaps (measured after
 * adding 1 M lines: 150–175 B a command without, 116–143 B with). Setting it would have the heaps shrink at every free of
 * 128 KiB at their end, only to grow again, so the limit for that stays where glibc would have raised it to.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: String(128 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(32 * 1024 * 1024),
};

/** `env` with the settings, where it says nothing of them already. */
export function withAllocator<T extends Record<string, string | undefined>>(env: T): T {
  return { ...SETTINGS, ...env };
}

/** Takes the settings out again once they have been read, so that no process started from here inherits them. */
export function dropAllocator(env: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(SETTINGS)) if (env[name] === value) delete env[name];
}
