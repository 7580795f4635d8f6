/** Latencies in buckets of 0.1 ms up to 2 s: cheap to add to, mergeable between processes. */
const BUCKET_MS = 0.1;
const BUCKETS = 20_000;

export class Histogram {
  readonly counts: Uint32Array;

  constructor(counts: Iterable<number> = []) {
    this.counts = new Uint32Array(BUCKETS);
    this.merge(counts);
  }

  add(ms: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(ms / BUCKET_MS)));
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
  }

  merge(counts: Iterable<number>): void {
    let bucket = 0;
    for (const count of counts) {
      this.counts[bucket] = (this.counts[bucket] ?? 0) + count;
      bucket += 1;
    }
  }

  /** @param share - 0.99 for p99. @returns ms, the upper edge of the bucket; NaN when empty */
  percentile(share: number): number {
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return Number.NaN;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.counts[bucket] ?? 0;
      if (seen >= total * share) return (bucket + 1) * BUCKET_MS;
    }
    return BUCKETS * BUCKET_MS;
  }
}
