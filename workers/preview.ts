/** What lines were understood to say, of an add that is only tried: packed jobs to the form in which users see jobs. */

import type { DryLine, DryPagePush } from '../core/client-replies.ts';
import { encodeFrame } from '../core/codec.ts';
import { groupHash } from '../core/dependency-links.ts';
import { VERDICTS } from '../core/dry-claims.ts';
import type { DryWait, KnownWaits } from '../core/dry-waits.ts';
import { chooseFigures, NOT_GROWN } from '../core/figures.ts';
import { jobKeyHex, keyToHex } from '../core/identity.ts';
import { type CommandDependency, DEFAULT_JOB_OPTIONS, type JobOptions } from '../core/job-options.ts';
import { EMPTY_RECORD } from '../core/job-record.ts';
import { NOTHING_LEARNED } from '../core/learning.ts';
import { Segment } from '../core/segment.ts';
import { STATE } from '../core/states.ts';
import { mergeDelta, parseTemplate } from '../core/template.ts';
import type { JobReader } from './job-reader.ts';
import { dependencyText, statusJob } from './status-jobs.ts';

export interface PreviewQuestion {
  /** Of the add that is tried. */
  readonly requestId: string;
  /** As `ingest` packs it: template ids count within `templates`. */
  readonly segment: Uint8Array;
  readonly templates: readonly string[];
  /** By job. */
  readonly verdicts: Uint8Array;
  /** By job: its line in the whole input. */
  readonly lineNumbers: Uint32Array;
  /** Of what its jobs wait for. */
  readonly known: KnownWaits;
  /** Only so many of the jobs. */
  readonly count: number;
}

/** Jobs in one page: a frame of the longest lines still fits. */
const PAGE_JOBS = 250;

/** Encoded `dryPage` messages. */
export function preview(question: PreviewQuestion, reader: JobReader, nowMs: number): Uint8Array[] {
  const { requestId, segment: bytes, count } = question;
  const segment = new Segment(bytes);
  const templates = question.templates.map(parseTemplate);
  const frames: Uint8Array[] = [];
  for (let from = 0; from < count; from += PAGE_JOBS) {
    const lines: DryLine[] = [];
    for (let job = from; job < Math.min(count, from + PAGE_JOBS); job += 1)
      lines.push(lineOf(question, segment, templates, job, reader, nowMs));
    frames.push(encodeFrame({ type: 'dryPage', requestId, lines } satisfies DryPagePush));
  }
  return frames;
}

function lineOf(
  { verdicts, lineNumbers, known }: PreviewQuestion,
  segment: Segment,
  templates: readonly JobOptions[],
  job: number,
  reader: JobReader,
  nowMs: number,
): DryLine {
  const template = templates[segment.templateId(job)] as JobOptions;
  const options = mergeDelta(template, segment.delta(job), segment.priority(job));
  const { reqGroup } = options;
  const learned = reqGroup === null ? NOTHING_LEARNED : reader.usage(reqGroup).recommendation;
  const read = {
    number: 0,
    key: keyToHex(segment.key(job)),
    cmd: segment.command(job),
    options,
    state: STATE.ready,
    attempts: 0,
    record: EMPTY_RECORD,
    chosen: chooseFigures(options, learned, NOT_GROWN, Number.POSITIVE_INFINITY),
  };
  const verdict = VERDICTS[verdicts[job] as number] ?? 'new';
  return {
    line: lineNumbers[job] as number,
    verdict,
    job: statusJob(read, reader, { env: false, nowMs, similar: 0 }),
    // A duplicate changes nothing about what the first one waits for.
    waits: verdict === 'new' ? waitsOf(options, known) : [],
  };
}

function waitsOf({ deps, cmdDeps }: JobOptions, known: KnownWaits): DryWait[] {
  const group = (name: string): DryWait => ({
    name,
    group: true,
    is: known.groups.get(groupHash(name)) ?? 'unseen',
  });
  const command = (dependency: CommandDependency): DryWait => {
    if ('depGroup' in dependency) return group(dependency.depGroup);
    const key = 'jobKey' in dependency ? dependency.jobKey : keyOf(dependency.cmd, dependency.cwd);
    return { name: dependencyText(dependency), group: false, is: known.commands.get(key) ?? 'absent' };
  };
  return [...deps.map(group), ...cmdDeps.map(command)];
}

function keyOf(cmd: string, cwd: string): string {
  return jobKeyHex(cmd, { ...DEFAULT_JOB_OPTIONS, cwd, cwdMatters: cwd !== '' });
}
