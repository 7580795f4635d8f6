/** The flags of `wr mod` as what is to change (spec: cli.md §7, since-0.36.md §1.7): only what was given. */
import { parseMemoryOption, parseTimeOption } from '../core/job-fields.ts';
import type { Behaviour, JobOptions } from '../core/job-options.ts';
import type { ModChanges } from '../core/modification.ts';
import { type AddSurroundings, JOB_FLAGS, type JobFlags, optionsFromFlags } from './add-options.ts';
import { type FlagSpecs, type Flags, UsageError } from './flags.ts';

const { rep_grp, dep_grps, misc, bsub, reserve_timeout, no_retry_over_walltime, max_fails, ...CHANGEABLE } =
  JOB_FLAGS;

/** Flags of `wr add` that say what stays as it is (spec: cli.md §7). */
export const UNCHANGEABLE = {
  rep_grp: { type: rep_grp.type },
  dep_grps: { type: dep_grps.type },
  misc,
  bsub,
  reserve_timeout,
  no_retry_over_walltime: { type: no_retry_over_walltime.type },
  max_fails,
} as const satisfies FlagSpecs;

/** @throws {UsageError} one of them was given */
export function refuseUnchangeable(flags: Flags<typeof UNCHANGEABLE>): void {
  const name = Object.keys(UNCHANGEABLE).find(
    (flag) => flags[camel(flag) as keyof typeof flags] !== undefined,
  );
  if (name !== undefined)
    throw new UsageError(
      `--${name} cannot be changed of a command that was added; remove it and add it anew`,
    );
}

export const MOD_FLAGS = {
  ...CHANGEABLE,
  cmdline: { type: 'string' },
  unset_cwd_matters: { type: 'boolean' },
  unset_change_home: { type: 'boolean' },
  unset_cloud_shared: { type: 'boolean' },
  unset_container_image_user: { type: 'boolean' },
} as const satisfies FlagSpecs;

export type ModFlags = Flags<typeof MOD_FLAGS>;

type Fields = readonly (keyof JobOptions)[];

/** What of the options a flag stands for. */
const FIELDS: Partial<Record<keyof JobFlags, Fields>> = {
  limitGrps: ['limitGroups'],
  modules: ['modules'],
  deps: ['deps', 'cmdDeps'],
  cmdDeps: ['deps', 'cmdDeps'],
  cwdMatters: ['cwdMatters'],
  changeHome: ['changeHome'],
  reqGrp: ['reqGroup'],
  cpus: ['cpus'],
  disk: ['diskGb', 'diskSet'],
  resources: ['resources'],
  override: ['override'],
  priority: ['priority'],
  retries: ['retries'],
  monitorDocker: ['monitorDocker'],
  withDocker: ['withDocker'],
  withSingularity: ['withSingularity'],
  containerMounts: ['containerMounts'],
  containerImageUser: ['containerImageUser'],
  mountJson: ['mounts'],
  mounts: ['mounts'],
  env: ['env'],
  group: ['unixGroup'],
};

/** @throws {WrError} BAD_OPTION naming flag, value and accepted form */
export function changesFromFlags(flags: ModFlags, around: AddSurroundings): ModChanges {
  refuseContradictions(flags);
  if (flags.cmdDeps === '')
    throw new UsageError('--cmd_deps value () needs a command and its directory: cmd1,cwd1,cmd2,cwd2…');
  const all = optionsFromFlags(flags, around);
  const options: Record<string, unknown> = {};
  for (const [flag, fields] of Object.entries(FIELDS) as [keyof ModFlags, Fields][])
    if (flags[flag] !== undefined) for (const field of fields) options[field] = all[field];
  if (flags.cwd) options.cwd = flags.cwd;
  if (flags.memory?.trim() && parseMemoryOption(flags.memory, '--memory') > 0)
    Object.assign(options, { memoryMb: all.memoryMb, memorySet: true });
  if (flags.time?.trim() && parseTimeOption(flags.time, '--time') > 0)
    Object.assign(options, { timeMs: all.timeMs, timeSet: true });
  if (flags.onFailure !== undefined) options.onFailure = orNothing(all.onFailure);
  if (flags.onSuccess !== undefined) options.onSuccess = orNothing(all.onSuccess);
  if (flags.onExit !== undefined) options.onExit = orNothing(all.onExit);
  if (Object.keys(all.other).length > 0) options.other = all.other;
  if (flags.unsetCwdMatters) options.cwdMatters = false;
  if (flags.unsetChangeHome) options.changeHome = false;
  if (flags.unsetContainerImageUser) options.containerImageUser = false;
  return {
    options: options as Partial<JobOptions>,
    dropOther: flags.unsetCloudShared || flags.cloudShared === false ? ['cloud_shared'] : [],
    cmd: flags.cmdline ? Buffer.from(flags.cmdline) : null,
  };
}

/** Whether the command line names anything that is to change, be it without effect. */
export function namesChanges(flags: ModFlags): boolean {
  return Object.keys(MOD_FLAGS).some((name) => flags[camel(name) as keyof ModFlags] !== undefined);
}

function refuseContradictions(flags: ModFlags): void {
  const pairs = [
    ['cwd_matters', flags.cwdMatters, flags.unsetCwdMatters],
    ['change_home', flags.changeHome, flags.unsetChangeHome],
    ['cloud_shared', flags.cloudShared, flags.unsetCloudShared],
    ['container_image_user', flags.containerImageUser, flags.unsetContainerImageUser],
  ] as const;
  for (const [name, on, off] of pairs)
    if (on && off) throw new UsageError(`--${name} and --unset_${name} are mutually exclusive`);
}

/** An empty list says that nothing is to be done, which is something. */
function orNothing(behaviours: readonly Behaviour[]): readonly Behaviour[] {
  return behaviours.length === 0 ? [{ nothing: true }] : behaviours;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
