import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UNBOUNDED } from '../../core/plan-table.ts';
import { decide, type Plan, type PlanCapacity, type PlanInput, sizeOf } from '../../core/planning.ts';

interface Group {
  readonly ready?: number;
  readonly open?: number;
  readonly priority?: number;
  readonly memoryMb?: number;
  readonly cpus?: number;
  readonly arrival?: number;
  readonly slotsMax?: number;
}

function makeInput(
  rows: readonly Group[],
  capacity: PlanCapacity,
  how: PlanInput['how'] = 'pack',
): PlanInput {
  const column = (field: keyof Group, otherwise: number) => rows.map((row) => row[field] ?? otherwise);
  const groups = {
    ready: Uint32Array.from(column('ready', 1)),
    open: Uint32Array.from(column('open', 0)),
    priority: Uint8Array.from(column('priority', 0)),
    memoryMb: Float64Array.from(column('memoryMb', 100)),
    cpus: Float64Array.from(column('cpus', 1)),
    arrival: Float64Array.from(rows.map((row, index) => row.arrival ?? index)),
  };
  if (rows.every((row) => row.slotsMax === undefined)) return { how, groups, capacity };
  // Each row has a limit of its own.
  const each = Uint32Array.from(rows, (_, row) => row);
  const bounds = {
    start: Uint32Array.from({ length: rows.length + 1 }, (_, row) => row),
    bound: each,
    need: Uint32Array.from(rows, () => 1),
    max: Uint32Array.from(column('slotsMax', UNBOUNDED)),
    held: groups.open,
    fixed: new Uint8Array(rows.length),
    turn: new Float64Array(rows.length),
  };
  return { how, groups, capacity, bounds };
}

function slots(rows: readonly Group[], cpus: number, memoryMb = 10_000): number[] {
  return [...decide(makeInput(rows, { cpus, memoryMb })).slots];
}

describe('packing', () => {
  it('starts as many as cores and memory allow', () => {
    assert.deepEqual(slots([{ ready: 10 }], 4), [4]);
    assert.deepEqual(slots([{ ready: 10, memoryMb: 400 }], 4, 1_000), [2]);
    assert.deepEqual(slots([{ ready: 3, memoryMb: 0 }], 4, 0), [3]);
    assert.deepEqual(slots([{ ready: 2 }], 4), [2]);
  });

  it('counts what is open already', () => {
    assert.deepEqual(slots([{ ready: 10, open: 3 }], 4), [4]);
    assert.deepEqual(slots([{ ready: 10, open: 6 }], 4), [4]);
    assert.deepEqual(slots([{ ready: 0, open: 2 }, { ready: 9 }], 4), [2, 2]);
    assert.deepEqual(slots([{ ready: 0, open: 0 }], 4), [0]);
  });

  it('serves priority before size, size before age, and age last', () => {
    assert.deepEqual(
      slots([{ ready: 4 }, { ready: 4, priority: 9, cpus: 0.5 }, { ready: 4, cpus: 4 }], 4),
      [2, 4, 0],
    );
    assert.deepEqual(slots([{ ready: 4 }, { ready: 1, cpus: 3 }], 4), [1, 1]);
    assert.deepEqual(
      slots(
        [
          { ready: 4, arrival: 8 },
          { ready: 3, arrival: 7 },
        ],
        4,
      ),
      [1, 3],
    );
  });

  it('does not refill a group while a better one waits for its place', () => {
    assert.deepEqual(
      slots(
        [
          { ready: 99, open: 4 },
          { ready: 1, priority: 9 },
        ],
        4,
      ),
      [3, 0],
    );
    assert.deepEqual(
      slots(
        [
          { ready: 99, open: 3 },
          { ready: 1, priority: 9 },
        ],
        4,
      ),
      [3, 1],
    );
  });

  it('passes over a group that does not fit now, for smaller ones behind it', () => {
    assert.deepEqual(
      slots([{ open: 1, ready: 0 }, { ready: 1, cpus: 4, priority: 5 }, { ready: 9 }], 4),
      [1, 0, 3],
    );
  });

  it('lists what can never run, but only when something of it is ready', () => {
    const rows = [{ memoryMb: 5_000 }, { cpus: 4.1 }, { cpus: 5, ready: 0 }, { cpus: 4, ready: 2 }];
    const plan = decide(makeInput(rows, { cpus: 4, memoryMb: 4_000 }));
    assert.deepEqual([...plan.impossible], [0, 1]);
    assert.deepEqual([...plan.slots], [0, 0, 0, 1]);
  });

  it('adds fractions without losing a slot to rounding', () => {
    assert.deepEqual(slots([{ ready: 99, cpus: 0.1 }], 1), [10]);
    assert.deepEqual(slots([{ ready: 99, open: 3, cpus: 0.1 }], 1), [10]);
    assert.deepEqual(slots([{ ready: 99, cpus: 0.333 }], 1), [3]);
    assert.deepEqual(slots([{ ready: 9_999, cpus: 0.000_01, memoryMb: 1 }], 1), [1_000]);
  });

  it('gives jobs of no cores an allowance of twice the cores, besides the others', () => {
    assert.deepEqual(slots([{ ready: 99 }, { ready: 99, cpus: 0 }], 4), [4, 8]);
    assert.deepEqual(
      slots(
        [
          { ready: 99, cpus: 0 },
          { ready: 99, cpus: 0, open: 3 },
        ],
        4,
      ),
      [5, 0],
    );
    assert.deepEqual(slots([{ ready: 99, cpus: 0, memoryMb: 1_000 }], 4, 3_000), [3]);
  });

  it('runs only jobs of no cores on a machine of none', () => {
    const plan = decide(
      makeInput([{ ready: 9 }, { ready: 9, cpus: 0 }, { cpus: 0.1 }], { cpus: 0, memoryMb: 1_000 }),
    );
    assert.deepEqual([...plan.slots], [0, 4, 0]);
    assert.deepEqual([...plan.impossible], [0, 2]);
  });

  it('starts everything where nothing limits it', () => {
    const all = Number.POSITIVE_INFINITY;
    assert.deepEqual(
      slots([{ ready: 70_000 }, { ready: 5, cpus: 0 }, { ready: 2, open: 3, cpus: 64 }], all, all),
      [70_000, 5, 5],
    );
  });

  it('keeps to the limit of a group', () => {
    assert.deepEqual(
      slots([{ ready: 9, open: 1, slotsMax: 2 }, { ready: 9, open: 3, slotsMax: 1 }, { ready: 9 }], 8),
      [2, 1, 3],
    );
  });

  it('judges size as a share of the machine, 0 to 255', () => {
    const machine = { cpus: 4, memoryMb: 1_000 };
    assert.equal(sizeOf(0, 0, machine), 0);
    assert.equal(sizeOf(100, 2.4, machine), 153);
    assert.equal(sizeOf(1_000, 1, machine), 255);
    assert.equal(sizeOf(5_000, 9, machine), 255);
    assert.equal(sizeOf(5_000, 9, { cpus: Number.POSITIVE_INFINITY, memoryMb: Number.POSITIVE_INFINITY }), 0);
    assert.equal(sizeOf(100, 0, { cpus: 0, memoryMb: 1_000 }), 26);
  });
});

describe('what comes next', () => {
  it('is what got nothing, in order, but for groups whose limits are reached', () => {
    const rows = [
      { ready: 1 },
      { ready: 9, priority: 1 },
      { ready: 1, priority: 200 },
      { ready: 5, open: 1, slotsMax: 1 },
      { ready: 2, priority: 9, slotsMax: 5 },
    ];
    const plan = decide(makeInput(rows, { cpus: 2, memoryMb: 10_000 }));
    assert.deepEqual([...plan.slots], [0, 0, 1, 0, 0]);
    assert.deepEqual([...plan.next], [4, 1, 0]);
  });
});

describe('counting', () => {
  it('asks for ready and open together, within the limits', () => {
    const rows = [
      { ready: 5, open: 2 },
      { ready: 0, open: 3 },
      { ready: 5, open: 2, slotsMax: 4 },
      { ready: 0 },
      { cpus: 99 },
    ];
    const plan = decide(makeInput(rows, { cpus: 8, memoryMb: 10_000 }, 'count'));
    assert.deepEqual([...plan.slots], [7, 3, 4, 0, 0]);
    assert.deepEqual([...plan.impossible], [4]);
  });
});

describe('any plan', () => {
  it('exceeds no capacity, leaves out nobody who fits, and takes from no one of higher priority', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomOf(seed);
    for (let round = 0; round < 2_000; round += 1) {
      const { rows, capacity } = makeCase(random);
      const message = `seed ${seed}, round ${round}`;
      const plan = decide(makeInput(rows, capacity));
      assertWithinCapacity(rows, capacity, plan, message);
      assertWorkConserving(rows, capacity, plan, message);
      assertPriority(rows, capacity, plan, message);
    }
  });

  it('takes at most 100 ms for 100,000 groups', () => {
    const random = randomOf(1);
    const rows = Array.from({ length: 100_000 }, () => makeGroup(random));
    const input = makeInput(rows, { cpus: 1_000, memoryMb: 4_000_000 });
    decide(input);
    // Of the processor, as others may be at work on this machine.
    const times = [0, 1, 2, 3].map(() => {
      const start = process.cpuUsage();
      decide(input);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    });
    assert.ok(Math.min(...times) <= 100, `${times}`);
  });
});

const CPUS = [0, 0, 0.1, 0.25, 0.333, 0.5, 1, 1, 1, 2, 3.5, 8, 40];

function makeGroup(random: () => number): Required<Omit<Group, 'slotsMax'>> {
  const pick = (most: number) => Math.floor(random() * most);
  return {
    ready: random() < 0.2 ? 0 : pick(20),
    open: random() < 0.7 ? 0 : pick(3),
    priority: pick(4) * 80,
    memoryMb: [0, 100, 350, 1_024, 8_000][pick(5)] as number,
    cpus: CPUS[pick(CPUS.length)] as number,
    arrival: pick(1_000),
  };
}

function makeCase(random: () => number) {
  const cpus = [0, 1, 2, 4, 16, Number.POSITIVE_INFINITY][Math.floor(random() * 6)] as number;
  const memoryMb = [0, 500, 4_000, 64_000, Number.POSITIVE_INFINITY][Math.floor(random() * 5)] as number;
  const rows = Array.from({ length: 1 + Math.floor(random() * 8) }, () => makeGroup(random));
  return { rows, capacity: { cpus, memoryMb } };
}

type Row = ReturnType<typeof makeGroup>;

/** What is left when so many of each group run; cores in thousandths. */
function left(rows: readonly Row[], capacity: PlanCapacity, running: ArrayLike<number>) {
  let milli = capacity.cpus * 1_000;
  let memoryMb = capacity.memoryMb;
  let zero = capacity.cpus === 0 ? 4 : capacity.cpus * 2;
  rows.forEach((row, index) => {
    const count = running[index] as number;
    memoryMb -= row.memoryMb * count;
    if (row.cpus === 0) zero -= count;
    else milli -= Math.round(row.cpus * 1_000) * count;
  });
  return { milli, memoryMb, zero };
}

/** What is taken until attempts end: a group that is not to be refilled still has its open ones. */
function inUse(rows: readonly Row[], plan: Plan): number[] {
  return rows.map((row, index) => Math.max(row.open, plan.slots[index] as number));
}

function fits(row: Row, free: ReturnType<typeof left>): boolean {
  const memory = row.memoryMb === 0 || row.memoryMb <= free.memoryMb;
  return memory && (row.cpus === 0 ? free.zero >= 1 : Math.round(row.cpus * 1_000) <= free.milli);
}

function assertWithinCapacity(
  rows: readonly Row[],
  capacity: PlanCapacity,
  plan: Plan,
  message: string,
): void {
  const before = left(
    rows,
    capacity,
    rows.map((row) => row.open),
  );
  const after = left(rows, capacity, inUse(rows, plan));
  for (const what of ['milli', 'memoryMb', 'zero'] as const) {
    assert.ok(after[what] >= Math.min(0, before[what]), `${what}: ${message}`);
  }
  rows.forEach((row, index) => {
    const slots = plan.slots[index] as number;
    assert.ok((row.ready > 0 || slots === row.open) && slots <= row.open + row.ready, message);
  });
}

function assertWorkConserving(
  rows: readonly Row[],
  capacity: PlanCapacity,
  plan: Plan,
  message: string,
): void {
  const free = left(rows, capacity, inUse(rows, plan));
  rows.forEach((row, index) => {
    if (inUse(rows, plan)[index] === row.open + row.ready || plan.impossible.includes(index)) return;
    assert.ok(!fits(row, free), `row ${index}: ${message}`);
  });
}

/** Taking away what all lower ones were given must not let a higher one start more. */
function assertPriority(rows: readonly Row[], capacity: PlanCapacity, plan: Plan, message: string): void {
  rows.forEach((row, index) => {
    if (inUse(rows, plan)[index] === row.open + row.ready || plan.impossible.includes(index)) return;
    const without = rows.map((other, at) =>
      other.priority < row.priority ? other.open : (inUse(rows, plan)[at] as number),
    );
    assert.ok(!fits(row, left(rows, capacity, without)), `row ${index}: ${message}`);
  });
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
