/** Watches commands until none is left to run, saying how fast they go and how long they will still take. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '../harness/probe.ts';

const POLL_MS = 200;
/** On a terminal one line is rewritten at each poll; elsewhere a line is added this often. */
const LINE_MS = 2_000;
/** The rate is that of the last few seconds. */
const RATE_WINDOW_MS = 5_000;

interface Sample {
  readonly atMs: number;
  readonly ended: number;
}

/** Commands a second over the window, from samples in order. */
export function rateOf(samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  return ((last.ended - first.ended) / (last.atMs - first.atMs)) * 1000;
}

/**
 * "12 %  260 of 2,209, 3 handed out, 2 buried, 310/s, 6 s left". Short commands are handed to a runner several at once, so
 * that more can be out than run at this moment.
 */
export function progressText(
  total: number,
  ended: number,
  handedOut: number,
  buried: number,
  rate: number,
): string {
  const left = rate > 0 ? `${Math.ceil((total - ended) / rate)} s left` : 'estimating';
  const share = `${Math.floor((ended / total) * 100)} %`.padStart(5);
  const numbers = `${ended.toLocaleString('en')} of ${total.toLocaleString('en')}, ${handedOut} handed out, ${buried} buried`;
  return `${share}  ${numbers}, ${Math.round(rate)}/s, ${left}`;
}

/**
 * @param groups - report groups that together hold `total` commands
 * @returns resolves when each is complete or buried
 * @throws {Error} after `patienceMs`
 */
export async function watch(
  probe: Probe,
  groups: readonly string[],
  total: number,
  patienceMs: number,
): Promise<void> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  let saidMs = startedMs;
  for (;;) {
    const counts = await Promise.all(groups.map((group) => probe.counts(group)));
    const sum = (pick: (of: (typeof counts)[number]) => number): number =>
      counts.reduce((n, of) => n + pick(of), 0);
    const buried = sum((of) => of.buried);
    const ended = sum((of) => of.complete) + buried;
    const nowMs = performance.now();
    samples.push({ atMs: nowMs, ended });
    while ((samples[0]?.atMs ?? nowMs) < nowMs - RATE_WINDOW_MS) samples.shift();
    const done = ended === total;
    const handedOut = sum((of) => of.running + of.reserved);
    const text = progressText(total, ended, handedOut, buried, rateOf(samples));
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}${done ? '\n' : ''}`);
    else if (done || nowMs - saidMs >= LINE_MS) {
      console.log(text);
      saidMs = nowMs;
    }
    if (done) return;
    if (nowMs - startedMs > patienceMs) throw new Error(`not done after ${patienceMs / 1000} s: ${text}`);
    await sleep(POLL_MS);
  }
}
