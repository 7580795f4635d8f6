/** Repeatable chance for tests. A failing test names its seed; `WR_TEST_SEED` runs it again. */

/** A seed: the one asked for, or a new one. */
export function chooseSeed(): number {
  const asked = process.env.WR_TEST_SEED;
  return asked === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
}

/** A generator of numbers in [0, 1) (mulberry32's recurrence: small, fast, good enough to pick operations). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer in [0, below). */
export function pick(random: () => number, below: number): number {
  return Math.floor(random() * below);
}
