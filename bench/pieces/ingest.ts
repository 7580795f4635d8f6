/** Asks: what does a frame of an add cost the pool, by the shape of its lines, and what does reading a segment back cost? */
import { Bench } from 'tinybench';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { ADD_FRAME_BYTES_MAX } from '../../core/protocol.ts';
import { Segment } from '../../core/segment.ts';
import { ingest } from '../../workers/ingest.ts';
import type { LineMaker } from '../harness/files.ts';
import { jsonLine, plainLine } from '../harness/files.ts';

/** As many whole lines as go into one frame. */
function makeFrame(line: LineMaker): Buffer {
  let text = '';
  for (let index = 0; text.length < ADD_FRAME_BYTES_MAX - 1024; index += 1) text += `${line(index)}\n`;
  return Buffer.from(text);
}

/** A command with options of its own after a TAB. */
function mixedLine(index: number): string {
  return `${plainLine(index)}\t{"priority":${index % 10},"memory":"2G"}`;
}

export function ingestBench(timeMs: number): Bench {
  const bench = new Bench({
    name: `ingest, a frame of ${ADD_FRAME_BYTES_MAX >> 10} KiB`,
    time: timeMs,
    warmupTime: timeMs,
  });
  const shapes = { plain: plainLine, 'TAB and JSON': mixedLine, 'JSON lines': jsonLine };
  for (const [name, line] of Object.entries(shapes)) {
    const bytes = makeFrame(line);
    const { count } = ingest({ bytes, defaults: DEFAULT_JOB_OPTIONS });
    bench.add(`${name}, ${count} commands`, () => {
      ingest({ bytes, defaults: DEFAULT_JOB_OPTIONS });
    });
  }
  const { segment, count } = ingest({ bytes: makeFrame(plainLine), defaults: DEFAULT_JOB_OPTIONS });
  return bench.add(`read ${count} commands of a segment`, () => {
    const read = new Segment(segment);
    for (let job = 0; job < count; job += 1) read.command(job);
  });
}
