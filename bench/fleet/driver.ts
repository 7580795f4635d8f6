/**
 * A process of simulated runners: real TLS websocket connections that ask for jobs and report them done at once.
 * Started by `fleet.ts`, which tells it by IPC what to do; it answers `connected`, then `done` with what it saw.
 */
import { WebSocket } from 'ws';
import { PROTOCOL } from '../../core/protocol.ts';
import type { ProbeTarget } from '../harness/probe.ts';
import { socketOptions, socketUrl } from '../harness/probe.ts';
import { CycleFrame, helloFrame, readAnswer, reserveFrame, touchFrame } from './frames.ts';
import { Histogram } from './histogram.ts';

/** What the parent orders. */
export interface DriverOrder {
  readonly target: ProbeTarget;
  readonly firstRunner: number;
  readonly runners: number;
  readonly group: string;
  /**
   * `cycle`: report and reserve as fast as answers come. `paced`: the same, each runner once per `intervalMs`.
   * `idle`: connected, touching once per `intervalMs`.
   */
  readonly mode: 'cycle' | 'paced' | 'idle';
  readonly intervalMs: number;
  /** How long to go on; what is held then is reported, and the driver leaves. */
  readonly durationMs: number;
  /** Stop earlier, once a runner has been told so often in a row that there is no job. */
  readonly emptyMax: number;
}

export interface DriverResult {
  readonly cycles: number;
  readonly errors: number;
  readonly firstError: string;
  readonly unexpectedCloses: number;
  readonly latencyCounts: readonly number[];
  /** Cycles in each tenth of a second of Unix time, from `sliceStart` (tenths since the epoch) on. */
  readonly slices: readonly number[];
  readonly sliceStart: number;
}

export type DriverMessage =
  | { readonly say: 'connected' }
  | { readonly say: 'done'; readonly result: DriverResult };
export type DriverCommand = { readonly do: 'connect'; readonly order: DriverOrder } | { readonly do: 'go' };

const HELLO_ID = 1;
/** TLS handshakes under way at once: more only wait in the manager's backlog. */
const CONNECTING_MAX = 16;
const RESERVE_WAIT_MS = 500;
const SLICE_MS = 100;

class Runner {
  readonly socket: WebSocket;
  readonly #driver: Driver;
  readonly #cycle: CycleFrame;
  #id = HELLO_ID + 1;
  #attempt = 0;
  #sentMs = 0;
  #empty = 0;
  #touch: Uint8Array | undefined;

  constructor(driver: Driver, socket: WebSocket) {
    this.#driver = driver;
    this.socket = socket;
    this.#cycle = new CycleFrame(driver.order.group, RESERVE_WAIT_MS);
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('error', () => undefined); // Followed by close.
    socket.on('close', () => driver.closed());
  }

  hello(runnerId: string): void {
    this.socket.send(helloFrame(runnerId, this.#driver.order.group, HELLO_ID));
  }

  reserve(): void {
    this.#sentMs = performance.now();
    this.socket.send(reserveFrame(this.#driver.order.group, RESERVE_WAIT_MS, this.#id));
    this.#id += 1;
  }

  touch(): void {
    this.#touch ??= touchFrame(this.#id);
    this.socket.send(this.#touch);
  }

  #receive(frame: Buffer): void {
    const answer = readAnswer(frame);
    switch (answer.kind) {
      case 'job': {
        const nowMs = performance.now();
        this.#driver.reserved(nowMs - this.#sentMs);
        this.#attempt = answer.attempt;
        this.#empty = 0;
        this.#next(nowMs);
        break;
      }
      case 'noJob':
        this.#empty += 1;
        if (this.#driver.leaving || this.#empty > this.#driver.order.emptyMax) this.#driver.finished();
        else this.reserve();
        break;
      case 'error':
        this.#driver.failed(frame);
        break;
      case 'other':
        break;
    }
  }

  #next(nowMs: number): void {
    const order = this.#driver.order;
    if (order.mode === 'cycle') this.report();
    else setTimeout(() => this.report(), Math.max(0, this.#sentMs + order.intervalMs - nowMs));
  }

  /** Reports the job held as done and asks for another, unless it is time to leave. */
  report(): void {
    const endedMs = this.#driver.nowMs;
    this.#sentMs = performance.now();
    this.socket.send(this.#cycle.patch(this.#attempt, this.#id, endedMs - 1, endedMs));
    this.#id += 2;
  }
}

class Driver {
  readonly order: DriverOrder;
  leaving = false;
  /** Unix time, read a hundred times a second rather than for each message. */
  nowMs = Date.now();
  readonly #runners: Runner[] = [];
  readonly #latency = new Histogram();
  readonly #slices: number[] = [];
  #sliceStart = 0;
  #cycles = 0;
  #errors = 0;
  #firstError = '';
  #unexpectedCloses = 0;
  #left = 0;
  #going = false;
  #ended = false;

  constructor(order: DriverOrder) {
    this.order = order;
  }

  async connect(): Promise<void> {
    const { target, runners, firstRunner } = this.order;
    const options = { ...socketOptions(target), ...UNMASKED };
    let next = 0;
    const connectSome = async (): Promise<void> => {
      while (next < runners) {
        const index = next;
        next += 1;
        const socket = new WebSocket(socketUrl(target), PROTOCOL, options);
        const runner = new Runner(this, socket); // Listens from the start: a connection may end as soon as it is open.
        await new Promise<void>((resolve, reject) => {
          socket.once('open', () => resolve());
          socket.once('error', reject);
        });
        runner.hello(`simulated-${firstRunner + index}`);
        this.#runners.push(runner);
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_MAX }, connectSome));
  }

  go(): void {
    this.nowMs = Date.now();
    this.#sliceStart = Math.floor(this.nowMs / SLICE_MS);
    const clock = setInterval(() => {
      this.nowMs = Date.now();
    }, 10);
    clock.unref();
    setTimeout(() => this.#leave(), this.order.durationMs).unref();
    if (this.order.mode === 'idle') this.#touchInTurn();
    else for (const runner of this.#runners) this.#startOne(runner);
    this.#going = true;
    this.#endWhenAllLeft();
  }

  #startOne(runner: Runner): void {
    if (this.order.mode === 'cycle') runner.reserve();
    else setTimeout(() => runner.reserve(), Math.random() * this.order.intervalMs);
  }

  /** Evenly over the interval, as runners that were started at different times do. */
  #touchInTurn(): void {
    const { intervalMs } = this.order;
    const startedMs = performance.now();
    let touched = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) / intervalMs) * this.#runners.length);
      for (; touched < due; touched += 1) this.#runners[touched % this.#runners.length]?.touch();
      if (this.leaving) clearInterval(timer);
    }, 20);
  }

  reserved(latencyMs: number): void {
    this.#latency.add(latencyMs);
    this.#cycles += 1;
    const slice = Math.floor(this.nowMs / SLICE_MS) - this.#sliceStart;
    while (this.#slices.length <= slice) this.#slices.push(0);
    this.#slices[slice] = (this.#slices[slice] ?? 0) + 1;
  }

  failed(frame: Buffer): void {
    this.#errors += 1;
    if (this.#firstError === '') this.#firstError = frame.toString('latin1');
  }

  closed(): void {
    if (!this.#ended) this.#unexpectedCloses += 1;
    this.finished();
  }

  /** A runner has no more to do. */
  finished(): void {
    this.#left += 1;
    this.#endWhenAllLeft();
  }

  #endWhenAllLeft(): void {
    if (this.#going && this.#left >= this.#runners.length) this.#end();
  }

  /** Stops; a manager does not mind runners that vanish, and the next measurement has its own. */
  #leave(): void {
    this.leaving = true;
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    send({
      say: 'done',
      result: {
        cycles: this.#cycles,
        errors: this.#errors,
        firstError: this.#firstError,
        unexpectedCloses: this.#unexpectedCloses,
        latencyCounts: [...this.#latency.counts],
        slices: this.#slices,
        sliceStart: this.#sliceStart,
      },
    });
    for (const runner of this.#runners) runner.socket.terminate();
  }
}

// A mask of zeros leaves the bytes as they are: saves the driver a pass over each message and costs the manager nothing.
const UNMASKED = { generateMask: (mask: Buffer) => mask.fill(0) };

function send(message: DriverMessage): void {
  process.send?.(message);
}

let driver: Driver | undefined;
process.on('message', (command: DriverCommand) => {
  if (command.do === 'go') {
    driver?.go();
    return;
  }
  driver = new Driver(command.order);
  driver.connect().then(
    () => send({ say: 'connected' }),
    (error: unknown) => {
      console.error('fleet driver:', error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
