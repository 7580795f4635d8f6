import assert from 'node:assert/strict';
import { it } from 'node:test';
import { STATE } from '../../core/states.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { type Line, Scene } from './dependency-scene.ts';

/** A job as someone would note it down who has all the time in the world. */
interface ModelJob {
  readonly cmd: string;
  state: 'waiting' | 'held' | 'buried' | 'complete';
  delayed: boolean;
  readonly groups: readonly string[];
  readonly deps: readonly string[];
  /** Single commands that it waits for still. */
  parents: string[];
  /** It completed before: its record is kept when it is removed. */
  again: boolean;
  /** While it is held, a group that it waits for has gained a member. */
  outdated?: boolean;
}

class Model {
  jobs = new Map<string, ModelJob>();
  seen = new Set<string>();

  isBlocked({ deps, parents }: ModelJob): boolean {
    return parents.length > 0 || deps.some((group) => this.#isOpen(group));
  }

  /** What the manager must say of a job. */
  state(cmd: string): string {
    const job = this.jobs.get(cmd);
    if (job === undefined) return 'none';
    if (job.state === 'held') return 'reserved';
    if (job.state !== 'waiting') return job.state;
    if (this.isBlocked(job)) return 'dependent';
    return job.delayed ? 'delayed' : 'ready';
  }

  /** @returns how many enter the queue; `null` for a cycle: then nothing has changed */
  add(lines: readonly Line[]): number | null {
    const before = { jobs: new Map(this.jobs), seen: new Set(this.seen) };
    const fresh = lines.filter(({ cmd }, i) => {
      return !this.jobs.has(cmd) && lines.findIndex((line) => line.cmd === cmd) === i;
    });
    for (const { cmd, dep_grps: groups = [], deps = [] } of fresh) {
      this.jobs.set(cmd, { cmd, state: 'waiting', delayed: false, groups, deps, parents: [], again: false });
    }
    for (const { cmd, cmd_deps = [] } of fresh) {
      const named = (cmd_deps as { cmd: string }[]).map((each) => each.cmd);
      const waits = named.filter((name) => (this.jobs.get(name)?.state ?? 'complete') !== 'complete');
      (this.jobs.get(cmd) as ModelJob).parents = waits;
    }
    const reruns = this.#rerun(fresh.flatMap(({ dep_grps = [] }) => dep_grps));
    if (this.#hasCycle()) {
      this.jobs = before.jobs;
      this.seen = before.seen;
      return null;
    }
    this.#settleDelays();
    return fresh.length + reruns;
  }

  end(cmd: string, outcome: 'complete' | 'release' | 'bury'): void {
    const job = this.jobs.get(cmd) as ModelJob;
    if (outcome === 'bury') job.state = 'buried';
    else if (outcome === 'release' || job.outdated || this.isBlocked(job)) {
      job.state = 'waiting';
      job.delayed = outcome === 'release' && !this.isBlocked(job);
    } else {
      job.state = 'complete';
      job.again = true;
      for (const other of this.jobs.values()) other.parents = other.parents.filter((name) => name !== cmd);
    }
    this.#settleDelays();
  }

  /** @returns the commands that go */
  remove(chosen: readonly string[]): string[] {
    const gone: string[] = [];
    for (let found = true; found; ) {
      found = false;
      for (const cmd of chosen) {
        const job = this.jobs.get(cmd);
        if (job === undefined || job.state === 'held' || job.state === 'complete') continue;
        if ([...this.#live()].some((other) => this.#waitsFor(other, job))) continue;
        // What it completed before counts again.
        if (job.again) Object.assign(job, { state: 'complete', parents: [], delayed: false });
        else this.jobs.delete(cmd);
        gone.push(cmd);
        found = true;
      }
    }
    this.#settleDelays();
    return gone;
  }

  #live(): ModelJob[] {
    return [...this.jobs.values()].filter((job) => job.state !== 'complete');
  }

  #isOpen(group: string): boolean {
    return !this.seen.has(group) || this.#live().some((job) => job.groups.includes(group));
  }

  #waitsFor({ deps, parents }: ModelJob, other: ModelJob): boolean {
    return parents.includes(other.cmd) || other.groups.some((group) => deps.includes(group));
  }

  /** Complete jobs that wait for these groups run again, and so on. */
  #rerun(gained: readonly string[]): number {
    const left = [...gained];
    let reruns = 0;
    for (let group = left.pop(); group !== undefined; group = left.pop()) {
      this.seen.add(group);
      for (const job of this.jobs.values()) {
        if (!job.deps.includes(group)) continue;
        if (job.state === 'held') this.jobs.set(job.cmd, { ...job, outdated: true });
        if (job.state !== 'complete') continue;
        this.jobs.set(job.cmd, { ...job, state: 'waiting', delayed: false, parents: [] });
        left.push(...job.groups);
        reruns += 1;
      }
    }
    return reruns;
  }

  #hasCycle(): boolean {
    let left = this.#live();
    for (;;) {
      const rest = left.filter((job) => left.some((other) => this.#waitsFor(job, other)));
      if (rest.length === left.length) return rest.length > 0;
      left = rest;
    }
  }

  /** Who has to wait for something else waits for no time. */
  #settleDelays(): void {
    for (const job of this.jobs.values()) if (this.isBlocked(job)) job.delayed = false;
  }
}

const COMMANDS = Array.from({ length: 14 }, (_, i) => `c${i}`);
const GROUPS = ['g', 'h', 'i', 'j'];
const STEPS = 60;
const RUNS = 12;

class Play {
  scene: Scene;
  readonly model = new Model();
  readonly #random: () => number;

  constructor(scene: Scene, random: () => number) {
    this.scene = scene;
    this.#random = random;
  }

  async step(): Promise<string> {
    const chance = this.#random();
    if (chance < 0.34) return this.#add();
    if (chance < 0.52) return this.#reserve();
    if (chance < 0.78) return this.#end();
    if (chance < 0.84) return this.#retry();
    if (chance < 0.9) return this.#remove();
    if (chance < 0.95) return this.#restart();
    await this.scene.archive();
    return 'archive';
  }

  check(): void {
    this.scene.harness.check();
    const complete = [...this.model.jobs.values()].filter((job) => job.state === 'complete').length;
    assert.equal(this.scene.harness.manager.queue.repGroups.totals[STATE.complete], complete);
    for (const cmd of COMMANDS) {
      const expected = this.model.state(cmd);
      const actual = this.scene.state(cmd);
      // Archived jobs are known to the disk alone.
      if (expected === 'complete')
        assert.ok(actual === 'complete' || actual === 'none', `${cmd} is ${actual}`);
      else assert.equal(actual, expected, cmd);
    }
  }

  async #add(): Promise<string> {
    const lines = Array.from({ length: 1 + pick(this.#random, 3) }, () => this.#line());
    const expected = this.model.add(lines);
    const told = `add ${JSON.stringify(lines)}`;
    if (expected === null) await assert.rejects(this.scene.add(...lines), /wait/, told);
    else assert.equal((await this.scene.add(...lines)).added, expected, told);
    return told;
  }

  #line(): Line {
    const some = (from: readonly string[], chance: number): string[] =>
      from.filter(() => this.#random() < chance);
    const cmd_deps = some(COMMANDS, 0.06).map((cmd) => ({ cmd, cwd: '' }));
    return {
      cmd: COMMANDS[pick(this.#random, COMMANDS.length)] as string,
      dep_grps: some(GROUPS, 0.3),
      deps: some(GROUPS, 0.25),
      cmd_deps,
    };
  }

  async #reserve(): Promise<string> {
    const count = 1 + pick(this.#random, 3);
    const ready = COMMANDS.filter((cmd) => this.model.state(cmd) === 'ready');
    const taken = await this.scene.reserve(count);
    assert.equal(taken.length, Math.min(count, ready.length), `of ${ready} were taken ${taken}`);
    for (const cmd of taken) {
      assert.ok(ready.includes(cmd), `${cmd} was handed out`);
      const job = this.model.jobs.get(cmd);
      if (job !== undefined) Object.assign(job, { state: 'held', outdated: false });
    }
    return `reserve ${taken}`;
  }

  async #end(): Promise<string> {
    const cmd = this.#one('held');
    if (cmd === undefined) return 'nothing';
    const outcome = this.#random() < 0.7 ? 'complete' : this.#random() < 0.5 ? 'bury' : 'release';
    this.model.end(cmd, outcome);
    await this.scene.end(cmd, outcome);
    return `${outcome} ${cmd}`;
  }

  async #retry(): Promise<string> {
    const cmd = this.#one('buried');
    if (cmd === undefined) return 'nothing';
    const job = this.model.jobs.get(cmd) as ModelJob;
    job.state = 'waiting';
    job.delayed = false;
    await this.scene.change('retry', cmd);
    return `retry ${cmd}`;
  }

  async #remove(): Promise<string> {
    // One that completed before would be known as that again.
    const chosen = COMMANDS.filter(
      (cmd) => this.#random() < 0.4 && this.model.jobs.get(cmd)?.again === false,
    );
    const gone = this.model.remove(chosen);
    if (chosen.length > 0) assert.equal(await this.scene.change('remove', ...chosen), gone.length);
    return `remove ${chosen}: ${gone}`;
  }

  async #restart(): Promise<string> {
    this.scene = await this.scene.restart();
    return 'restart';
  }

  #one(state: ModelJob['state']): string | undefined {
    const all = [...this.model.jobs.values()].filter((job) => job.state === state);
    return all[pick(this.#random, all.length)]?.cmd;
  }
}

it('dependencies do what a naive model does, whatever happens in whatever order', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`seed ${seed}`);
  for (let run = 0; run < RUNS; run += 1) {
    const random = seeded(seed + run);
    const play = new Play(await Scene.open(), random);
    const told: string[] = [];
    try {
      for (let step = 0; step < STEPS; step += 1) {
        told.push(await play.step());
        play.check();
      }
    } catch (error) {
      throw new Error(`seed ${seed}, run ${run}:\n${told.join('\n')}\n${(error as Error).message}`, {
        cause: error,
      });
    }
  }
});
