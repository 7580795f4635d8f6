/** `status -o details`: a paragraph for each command (spec: cli.md §3, since-0.36.md §1.4). */
import type { FigureFrom, StatusJob } from '../../core/status-job.ts';
import { formatDuration } from '../../core/units.ts';
import { secondsText, shortTime } from './times.ts';
import { visible, visibleName } from './visible.ts';

export interface DetailsOptions {
  readonly nowMs: number;
  /** Show what failed commands printed. */
  readonly output: boolean;
  readonly env: boolean;
}

const RAM_REASON = 'command used too much RAM';

/** The paragraph begins with its empty line. */
export function detailsText(job: StatusJob, options: DetailsOptions): string {
  const parts = [
    `\n# ${visible(job.Cmd)}\nCwd: ${workingDirectory(job)}\n`,
    attributes(job),
    requirements(job),
    origins(job),
  ];
  parts.push(`Status: ${statusText(job, options.nowMs)}\n`, problem(job), figures(job, options));
  if (options.env && job.Env !== null) parts.push(`Env: [${job.Env.join(' ')}]\n`);
  parts.push(others(job));
  return parts.join('');
}

function workingDirectory({ CwdBase, Cwd, CwdMatters }: StatusJob): string {
  if (CwdMatters || Cwd === '') return CwdBase;
  // Below a relative one it is known only where the runner was.
  return CwdBase.startsWith('/') ? CwdBase + Cwd : Cwd;
}

function attributes(job: StatusJob): string {
  let text = '';
  if (job.Modules?.length) text += `Modules: ${job.Modules.join(', ')}; `;
  if (job.Mounts !== '') text += `Mounts: ${job.Mounts}\n`;
  if (job.HomeChanged) text += 'Changed home: true\n';
  if (job.ArrayIndex !== null) text += `Array index: ${job.ArrayIndex}\n`;
  text += containers(job);
  if (job.Behaviours !== '') text += `Behaviours: ${job.Behaviours}\n`;
  if (job.Resources !== null) text += `Resources: ${job.Resources.join(', ')}${unitsText(job)}\n`;
  if (job.OtherRequests.length > 0) text += `Resource requirements: ${job.OtherRequests.join(', ')}\n`;
  text += `Id: ${visibleName(job.RepGroup)} (${job.Key}); Requirements group: ${visibleName(job.ReqGroup)}; `;
  if (job.DepGroups?.length) text += `Dependency groups: ${names(job.DepGroups)}; `;
  if (job.Dependencies?.length) text += `Dependencies: ${names(job.Dependencies)}; `;
  if (job.LimitGroups?.length) text += `Limit groups: ${names(job.LimitGroups)}; `;
  return `${text}Priority: ${job.Priority}; Attempts: ${job.Attempts}\n`;
}

function names(of: readonly string[]): string {
  return of.map(visibleName).join(', ');
}

function unitsText({ ResourceIds }: StatusJob): string {
  return ResourceIds === null ? '' : ` (has ${ResourceIds.join('; ')})`;
}

function containers(job: StatusJob): string {
  let text = '';
  if (job.WithDocker !== '') text += `Runs in docker image: ${job.WithDocker}\n`;
  else if (job.WithSingularity !== '') text += `Runs in singularity image: ${job.WithSingularity}\n`;
  if (job.ContainerMounts !== '') text += `Container mounts: ${job.ContainerMounts}\n`;
  if (job.ContainerImageUser) text += 'Runs as the user of the image\n';
  if (job.MonitorDocker === '?') text += 'Docker monitoring of: first container started\n';
  else if (job.MonitorDocker !== '') text += `Docker monitoring of: ${job.MonitorDocker}\n`;
  return text;
}

function requirements({ ExpectedRAM, ExpectedTime, Cores, RequestedDisk }: StatusJob): string {
  const time = secondsText(ExpectedTime);
  return `Expected requirements: { memory: ${ExpectedRAM}MB; time: ${time}; cpus: ${Cores} disk: ${RequestedDisk}GB }\n`;
}

/** Which of the requirements are the user's, and where the others come from. */
function origins({ ExpectedFrom, ReqGroup }: StatusJob): string {
  const { RAM, Time, Disk } = ExpectedFrom;
  const group = visibleName(ReqGroup);
  const memory = originText(RAM, group, `${RAM.Asked}MB`);
  const time = originText(Time, group, secondsText(Time.Asked));
  const disk = originText(Disk, group, `${Disk.Asked}GB`);
  return `Requirements from: { memory: ${memory}; time: ${time}; disk: ${disk} }\n`;
}

function originText({ From, Runs }: FigureFrom, reqGroup: string, asked: string): string {
  switch (From) {
    case 'asked':
      return 'you';
    case 'default':
      return 'the default';
    case 'learned':
      return `${Runs} run${Runs === 1 ? '' : 's'} of ${reqGroup}, instead of ${asked}`;
    case 'grown':
      return `an attempt that ran out, instead of ${asked}`;
  }
}

function statusText(job: StatusJob, nowMs: number): string {
  const started = momentText(job.wr?.startedMs, job.Started);
  const ended = momentText(job.wr?.endedMs, job.Ended);
  const attempted = job.Started === null ? '' : ` (attempted at ${started})`;
  switch (job.State) {
    case 'delayed':
      return `delayed after a problem, will become ready ${readyText(job, nowMs)}${attempted}`;
    case 'ready':
      return 'ready, waiting for a runner to become free';
    case 'dependent':
      return dependentText(job);
    case 'suspended':
      return suspendedText(job);
    case 'buried':
      return `buried: look at the problem, correct it and then use wr retry${attempted}`;
    case 'running':
    case 'reserved':
      return job.Started === null ? 'running (about to start)' : `running (started ${started})`;
    case 'lost':
      return `lost contact (started ${started}; lost ${ended})`;
    case 'complete':
      return `complete (started ${started}; ended ${ended})`;
    default:
      return job.State;
  }
}

function suspendedText({ wr, RepGroup }: StatusJob): string {
  if (!wr?.stoppedAfter) return 'suspended; wr resume lets it be scheduled again';
  return `suspended, as its report group was stopped after ${wr.stoppedAfter} burials (--max_fails); wr resume -i ${visibleName(RepGroup)} lets it go on`;
}

function dependentText({ WaitingForDepGroups }: StatusJob): string {
  if (!WaitingForDepGroups?.length) return 'dependent, waiting for other commands to complete';
  return `dependent, waiting for dependency group(s) that have not yet been seen: ${names(WaitingForDepGroups)}`;
}

function readyText(job: StatusJob, nowMs: number): string {
  const readyMs = job.wr?.readyMs || (job.Ready ?? 0) * 1000;
  const leftMs = Math.round((readyMs - nowMs) / 1000) * 1000;
  return leftMs > 0 ? `in ${formatDuration(leftMs)}` : 'imminently';
}

function momentText(ms: number | undefined, seconds: number | null): string {
  if (seconds === null) return 'unknown';
  return shortTime(ms || seconds * 1000);
}

function problem(job: StatusJob): string {
  if (job.FailReason === '') return '';
  const usedMore = job.FailReason !== RAM_REASON && job.Exited && job.PeakRAM > job.ExpectedFrom.RAM.Asked;
  return `Previous problem: ${job.FailReason}${usedMore ? `; note: ${RAM_REASON}` : ''}\n`;
}

function figures(job: StatusJob, { output }: DetailsOptions): string {
  if (job.State === 'running' || job.State === 'lost') {
    const live = (name: string, text: string): string =>
      text === '' ? '' : `${name}:\n${withNewline(text)}`;
    return `Stats: { ${usage(job)} }\n${hostLine(job)}${live('StdOut', job.StdOut)}${live('StdErr', job.StdErr)}`;
  }
  if (job.Exited) {
    const label = job.State === 'complete' ? 'Stats' : 'Stats of previous attempt';
    const text = `${label}: { Exit code: ${job.Exitcode}; ${usage(job)} }\n${hostLine(job)}`;
    // Of a success only what went wrong after it is kept.
    if (job.Exitcode === 0) return job.StdErr === '' ? text : text + outputText('StdErr', job.StdErr);
    if (!output) return text;
    return text + outputText('StdOut', job.StdOut) + outputText('StdErr', job.StdErr);
  }
  return job.StdErr === '' ? '' : `Details: ${withNewline(job.StdErr)}`;
}

function usage({ PeakRAM, PeakDisk, Walltime, CPUtime }: StatusJob): string {
  const times = `Wall time: ${secondsText(Walltime)}; CPU time: ${secondsText(CPUtime)}`;
  return `Peak memory: ${PeakRAM}MB; Peak disk: ${PeakDisk}MB; ${times}`;
}

function hostLine({ Host, HostIP, HostID, Pid }: StatusJob): string {
  return `Host: ${Host} (IP: ${HostIP}${HostID === '' ? '' : `, ID: ${HostID}`})${Pid === 0 ? '' : `; Pid: ${Pid}`}\n`;
}

function outputText(name: string, text: string): string {
  return text === '' ? `${name}: [none]\n` : `${name}:\n${withNewline(text)}`;
}

/** What commands printed must not reach the terminal as it is; JSON has it so. */
function withNewline(text: string): string {
  const shown = visible(text);
  return shown.endsWith('\n') ? shown : `${shown}\n`;
}

/** What `--limit` hides. */
function others(job: StatusJob): string {
  if (job.Similar === 0) return '';
  const exit = job.Exited ? ', exit code' : '';
  const reason = job.FailReason === '' ? '' : ' and problem';
  return `+ ${job.Similar} other commands with the same status${exit}${reason}\n`;
}
