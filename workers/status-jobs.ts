/** Jobs as users see them (core/status-job.ts), made from what the store and the table hold. */
import { behavioursText } from '../core/behaviours-text.ts';
import { type Chosen, sourcesOf } from '../core/figures.ts';
import type { CommandDependency, JobOptions, MountConfig } from '../core/job-options.ts';
import { reqGroupOf } from '../core/requirements.ts';
import { type ResourceIds, resourceList } from '../core/resource-names.ts';
import { shownText } from '../core/shown-bytes.ts';
import { isHeld, STATE, STATE_NAMES } from '../core/states.ts';
import type { StatusJob, StatusJobDetail } from '../core/status-job.ts';
import { readFailBudget } from '../store/group-tables.ts';
import { readBsubId, readEnvironment } from '../store/layout.ts';
import type { JobReader, ReadJob } from './job-reader.ts';
import { unseenGroups } from './unseen-groups.ts';

const decoder = new TextDecoder();

export interface StatusJobOptions {
  /** Include the captured environment and the overrides. */
  readonly env: boolean;
  readonly nowMs: number;
  /** Further jobs of the same kind that are not shown. */
  readonly similar: number;
  /** What is for our own command line too. */
  readonly detail?: boolean;
}

/** Of options, which many jobs share. */
const behaviours = new WeakMap<JobOptions, string>();

function behavioursOf(options: JobOptions): string {
  let text = behaviours.get(options);
  if (text === undefined) {
    text = behavioursText(options);
    behaviours.set(options, text);
  }
  return text;
}

export function statusJob(job: ReadJob, reader: JobReader, wanted: StatusJobOptions): StatusJob {
  const { options, record, state } = job;
  const held = isHeld(state);
  // What an attempt left behind is not the next one's (since-0.36.md §1.4).
  const ran = record.startedMs > 0 && state !== STATE.reserved;
  const ended = ran && !held;
  const endMs = ended || state === STATE.lost ? record.endedMs : wanted.nowMs;
  const { figures, from } = shownFigures(job);
  const reqGroup = reqGroupOf(job.cmd, options);
  const { runs } = reader.usage(reqGroup);
  const wallMs = ran ? Math.max(0, endMs - record.startedMs) : 0;
  return {
    LimitGroups: orNull(options.limitGroups),
    DepGroups: orNull(options.depGroups),
    Modules: orNull(options.modules),
    Dependencies: orNull(dependencies(options)),
    WaitingForDepGroups: state === STATE.dependent ? orNull(unseenGroups(reader.store, options)) : null,
    OtherRequests: Object.entries(options.other).map(([key, value]) => `${key}:${value}`),
    Env: wanted.env ? environment(reader, options) : null,
    Key: job.key,
    RepGroup: options.repGroup,
    ReqGroup: reqGroup,
    Cmd: shownText(job.cmd),
    State: STATE_NAMES[state] ?? '',
    Cwd: relativeCwd(record.cwd, options.cwd),
    CwdBase: options.cwd,
    Behaviours: behavioursOf(options),
    Mounts: mountsText(options.mounts),
    MonitorDocker: options.monitorDocker,
    WithDocker: options.withDocker,
    WithSingularity: options.withSingularity,
    ContainerMounts: options.containerMounts,
    ContainerImageUser: options.containerImageUser,
    FailReason: state === STATE.reserved ? '' : record.reason,
    // Where to look for one that is lost, though nobody told of its start.
    Host: ran || state === STATE.lost ? record.host : '',
    HostID: '',
    HostIP: ran ? record.ip : '',
    SSHCommand:
      state === STATE.running && record.cwd !== '' ? sshCommand(record.ip || record.host, record.cwd) : '',
    StdErr: shownText(record.stderr),
    StdOut: shownText(record.stdout),
    ExpectedRAM: figures.memoryMb,
    ExpectedTime: figures.timeMs / 1000,
    RequestedDisk: figures.diskGb,
    EnvOverrides: orNull(options.env),
    NoRetryOverWalltime: options.noRetryOverWalltimeMs / 1000,
    Override: options.override,
    Priority: options.priority,
    Retries: options.retries,
    CwdMatters: options.cwdMatters,
    Cores: options.cpus,
    Resources: orNull(resourceList(options.resources)),
    ResourceIds: held && record.resources !== null ? idTexts(record.resources) : null,
    PeakRAM: ended ? record.peakRamMb : 0,
    PeakDisk: ended ? record.peakDiskMb : 0,
    Exitcode: held ? -1 : record.exitCode,
    Pid: ran ? record.pid : 0,
    Walltime: wallMs / 1000,
    CPUtime: ended ? record.cpuMs / 1000 : 0,
    Started: ran ? seconds(record.startedMs) : null,
    Ended: ended || state === STATE.lost ? seconds(record.endedMs) : null,
    Ready: state === STATE.delayed ? seconds(record.readyMs) : null,
    Similar: wanted.similar,
    Attempts: job.attempts,
    HomeChanged: options.changeHome,
    Exited: ended,
    IsPushUpdate: false,
    ExpectedFrom: {
      RAM: { From: from.memory, Asked: options.memoryMb, Runs: runs.memory },
      Time: { From: from.time, Asked: options.timeMs / 1000, Runs: runs.time },
      Disk: { From: from.disk, Asked: options.diskGb, Runs: runs.disk },
    },
    ArrayIndex: options.arrayIndex === '' ? null : Number(options.arrayIndex),
    wr: wanted.detail === false ? undefined : detailOf(job, reader),
  };
}

function detailOf({ number, options, record, state }: ReadJob, reader: JobReader): StatusJobDetail {
  return {
    startedMs: record.startedMs,
    endedMs: record.endedMs,
    readyMs: record.readyMs,
    stoppedAfter: state === STATE.suspended ? stoppedAfter(reader, options.repGroup) : 0,
    bsubId: options.bsubMode === '' ? 0 : readBsubId(reader.store, number),
  };
}

/** What the attempt under way has, or the last one of a complete job had; otherwise what the next one will have. */
function shownFigures({ state, record, options, chosen }: ReadJob): Chosen {
  const isGiven = (isHeld(state) || state === STATE.complete) && record.given.timeMs > 0;
  if (!isGiven && state !== STATE.complete && chosen !== undefined) return chosen;
  const figures = isGiven ? record.given : options;
  return { figures, from: sourcesOf(options, figures, record.grown) };
}

function stoppedAfter(reader: JobReader, repGroup: string): number {
  const budget = readFailBudget(reader.store, repGroup);
  return budget?.stopped ? budget.fails : 0;
}

function idTexts(ids: ResourceIds): string[] {
  return Object.entries(ids).map(([name, units]) => `${name}:${units.join(',')}`);
}

function seconds(ms: number): number | null {
  return ms === 0 ? null : Math.floor(ms / 1000);
}

function orNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}

function dependencies(options: JobOptions): string[] {
  return [...options.deps, ...options.cmdDeps.map(dependencyText)];
}

/** A single command that is waited for, as users see it. */
export function dependencyText(dependency: CommandDependency): string {
  if ('jobKey' in dependency) return dependency.jobKey;
  if ('depGroup' in dependency) return dependency.depGroup;
  return dependency.cwd === '' ? dependency.cmd : `${dependency.cmd} [${dependency.cwd}]`;
}

function relativeCwd(actual: string, base: string): string {
  return actual.startsWith(`${base}/`) ? actual.slice(base.length) : actual === base ? '' : actual;
}

function mountsText(mounts: readonly MountConfig[]): string {
  return mounts.length === 0 ? '' : JSON.stringify(mounts);
}

/** Quoted twice where the directory needs it: for the shell it is typed into, and for the one on the host. */
function sshCommand(host: string, cwd: string): string {
  const there = PLAIN_PATH.test(cwd) ? cwd : shellQuoted(cwd);
  return `ssh -- ${host} ${shellQuoted(`cd ${there} && exec \${SHELL:-/bin/sh} -l`)}`;
}

const PLAIN_PATH = /^[\w./,:@%+=-]+$/;

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function environment(reader: JobReader, options: JobOptions): readonly string[] {
  const captured = options.envId === '' ? undefined : readEnvironment(reader.store, options.envId);
  const base =
    captured === undefined
      ? []
      : decoder
          .decode(captured)
          .split('\0')
          .filter((entry) => entry !== '');
  const overridden = new Set(options.env.map(nameOf));
  return [...base.filter((entry) => !overridden.has(nameOf(entry))), ...options.env];
}

function nameOf(entry: string): string {
  const at = entry.indexOf('=');
  return at < 0 ? entry : entry.slice(0, at);
}
