/**
 * What a page of jobs is made into: objects, which the client lays out, or JSON text that it only hands on. As text a job
 * costs a quarter: it is not encoded, decoded and written out again on its way.
 */

import type { JsonPageReply, PageReply } from '../core/client-replies.ts';
import { encodeFrame, encodeFrameAround } from '../core/codec.ts';
import { isHeld } from '../core/states.ts';
import type { StatusJob } from '../core/status-job.ts';
import { statusJobJson } from '../core/status-json.ts';
import type { ReadJob } from './job-reader.ts';

/** A page is full when its texts come to this; a single job may be larger. */
const PAGE_BYTES = 1024 * 1024;
const PAGE_JOBS = 500;

export interface PageSink {
  /** No more fits. */
  readonly full: boolean;
  readonly count: number;
  add(read: ReadJob, job: StatusJob): void;
  /** The encoded answer. */
  frame(id: number, last: boolean): Uint8Array;
}

export class JobsSink implements PageSink {
  readonly #jobs: StatusJob[] = [];
  #bytes = 0;

  get full(): boolean {
    return this.#jobs.length === PAGE_JOBS || this.#bytes >= PAGE_BYTES;
  }

  get count(): number {
    return this.#jobs.length;
  }

  add({ cmd, record }: ReadJob, job: StatusJob): void {
    this.#bytes += cmd.byteLength + record.stdout.byteLength + record.stderr.byteLength;
    this.#jobs.push(job);
  }

  frame(id: number, last: boolean): Uint8Array {
    return encodeFrame({ type: 'page', id, jobs: this.#jobs, last } satisfies PageReply);
  }
}

/** Room beyond a full page, for the job that fills it. */
const LAST_JOB_BYTES = 64 * 1024;
/** The most bytes that a character of a string takes in UTF-8. */
const UTF8_BYTES_MAX = 3;
const COMMA = 0x2c;

/** What pages are written into, one after the other. */
const pageBytes = Buffer.allocUnsafeSlow(PAGE_BYTES + LAST_JOB_BYTES);

/** One at a time. */
export class JsonSink implements PageSink {
  // Bytes, not a growing string: the text of each job is garbage at once, which costs the collector least.
  #bytes = pageBytes;
  #end = 0;
  /** Jobs that run: what is known of them only now is laid over by the client. */
  readonly #held: StatusJob[] = [];
  count = 0;

  get full(): boolean {
    return this.#end >= PAGE_BYTES || this.#held.length === PAGE_JOBS;
  }

  add({ state }: ReadJob, job: StatusJob): void {
    this.count += 1;
    if (isHeld(state)) this.#held.push(job);
    else this.#write(statusJobJson(job));
  }

  frame(id: number, last: boolean): Uint8Array {
    const text = this.#bytes.subarray(0, this.#end);
    const others = { type: 'jsonPage', id, jobs: this.#held, last } satisfies Omit<JsonPageReply, 'text'>;
    return encodeFrameAround(others, 'text', text);
  }

  #write(text: string): void {
    const most = 1 + text.length * UTF8_BYTES_MAX;
    if (this.#end + most > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#end)], this.#end + most + PAGE_BYTES);
    if (this.#end > 0) this.#bytes[this.#end++] = COMMA;
    this.#end += this.#bytes.write(text, this.#end);
  }
}
