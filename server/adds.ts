/**
 * Adds under way: frames come in, go to the pool to be parsed, and stay in input order; a long add's segments are stored
 * as they come. Nothing of an add is queued before its end was seen and all of it is on disk; whatever goes wrong before
 * leaves nothing behind.
 */
import type { AddBegin, AddEnd, AddFrame } from '../core/client-requests.ts';
import { asWrError, WrError } from '../core/errors.ts';
import type { JobOptions } from '../core/job-options.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { ADD_WINDOW_FRAMES } from '../core/protocol.ts';
import { parseTemplate } from '../core/template.ts';
import type { Template } from '../core/templates.ts';
import { refuseUnusable } from '../core/unusable-options.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import { dropSegmentWrite, segmentWrite, stagedWrite } from '../store/layout.ts';
import { type AddResult, readRequest } from '../store/request-tables.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import { AddFinish, answer, type FinishingParts } from './add-finish.ts';
import type { AddPart } from './add-part.ts';
import { type UnfoldedResult, unfolded } from './array-parts.ts';
import { DryRun, type DryRunParts } from './dry-run.ts';
import { gatherLimits } from './limits.ts';
import type { Peer } from './peer.ts';
import { SegmentIds } from './segment-ids.ts';
import type { SharedContent } from './shared-content.ts';
import type { Tasks } from './tasks.ts';
import { type ParsedFrame, Upload, unparsed } from './upload.ts';

/** Parts of a single frame that go to disk in one transaction: the first of a long array, not all of them. */
const PARTS_AT_ONCE_MAX = 16;
/** With more warnings, what can never run is no longer told one by one. */
const DEMAND_WARNINGS_MAX = 20;

/** Only a directory that was made for the command can be its home (jobs.md §1). */
const HOME_STAYS = 'change_home is without effect with cwd_matters: $HOME stays what it is';

export class Adds {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #tasks: Tasks;
  readonly #deployment: string;
  readonly #uploads = new Map<string, Upload>();
  /** Request ids that were answered before and are being sent again: their frames are let go by. */
  readonly #repeats = new Map<string, { readonly peer: Peer; readonly result: AddResult }>();
  /** Adds past their last frame, by request id: a repeat waits for the same answer. */
  readonly #finishing = new Map<string, Promise<AddResult>>();
  readonly #dryParts: DryRunParts;
  readonly #whyNever: (demand: JobOptions) => string;
  readonly #segments: SegmentIds;
  readonly #finish: AddFinish;
  readonly #shared: SharedContent;
  readonly #onFailed: (error: WrError) => void;

  constructor(
    options: Omit<FinishingParts, 'segments'> & {
      readonly nextSegment: number;
      /** What `"bsub_mode": true` means. */
      readonly deployment: string;
      /** What of a demand there is less of than is asked for; '': it can be met. */
      readonly whyNever: (demand: JobOptions) => string;
      /** An add came to nothing. */
      readonly onFailed: (error: WrError) => void;
    },
  ) {
    this.#queue = options.queue;
    this.#store = options.store;
    this.#tasks = options.tasks;
    this.#segments = new SegmentIds(options.nextSegment);
    this.#deployment = options.deployment;
    this.#whyNever = options.whyNever;
    this.#dryParts = options;
    this.#shared = options.shared;
    this.#onFailed = options.onFailed;
    this.#finish = new AddFinish({ ...options, segments: this.#segments });
  }

  /** Adds under way. */
  get size(): number {
    return this.#uploads.size;
  }

  /** @throws {WrError} when the add cannot begin */
  begin(peer: Peer, message: AddBegin): void {
    const { requestId } = message;
    const known = readRequest(this.#store, requestId);
    if (known !== undefined) {
      this.#repeats.set(requestId, { peer, result: known });
      return;
    }
    const earlier = this.#uploads.get(requestId);
    if (earlier !== undefined && !earlier.finishing) this.#abandon(earlier);
    if (this.#finishing.has(requestId)) return;
    const isDry = message.dryRun !== undefined;
    const envId = isDry ? '' : this.#shared.environment(message.env);
    const dry = isDry ? new DryRun(this.#dryParts, peer, message) : undefined;
    this.#uploads.set(requestId, new Upload(peer, message, envId, this.#queue.uses.enter(), dry));
  }

  /** @param isSole - the buffer of its bytes is nobody else's: it may be moved */
  frame(peer: Peer, message: AddFrame, isSole = false): void {
    const upload = this.#uploads.get(message.requestId);
    if (upload === undefined) {
      peer.post({ type: 'addCredit', requestId: message.requestId, frames: 1, commands: 0 });
      return;
    }
    if (upload.refused !== undefined) return;
    if (message.seq !== upload.received) {
      this.#refuse(
        upload,
        new WrError('BAD_PROTOCOL', `frame ${message.seq} of an add came where ${upload.received} was due`),
      );
      return;
    }
    if (message.seq - upload.nextSeq > 2 * ADD_WINDOW_FRAMES) {
      this.#refuse(
        upload,
        new WrError('BAD_PROTOCOL', 'a client sends frames of an add without waiting for credit'),
      );
      return;
    }
    upload.received += 1;
    void this.#parse(upload, message, isSole);
  }

  async end(peer: Peer, message: AddEnd): Promise<void> {
    const { requestId } = message;
    const repeat = this.#repeats.get(requestId);
    if (repeat !== undefined) {
      this.#repeats.delete(requestId);
      peer.post({ type: 'added', id: message.id, ...answer(repeat.result) });
      return;
    }
    const finishing = this.#finishing.get(requestId);
    if (finishing !== undefined) {
      peer.post({ type: 'added', id: message.id, ...answer(await finishing) });
      return;
    }
    const upload = this.#uploads.get(requestId);
    if (upload === undefined) throw new WrError('BAD_PROTOCOL', 'the end of an add that never began');
    if (upload.refused !== undefined) throw upload.refused;
    upload.end = message;
    this.#finishWhenComplete(upload);
  }

  /** A connection is gone: adds it had not ended are dropped, nothing of them is queued. */
  closed(peer: Peer): void {
    for (const upload of this.#uploads.values()) {
      if (upload.peer === peer && !upload.finishing) this.#abandon(upload);
    }
    for (const [requestId, repeat] of this.#repeats)
      if (repeat.peer === peer) this.#repeats.delete(requestId);
  }

  // ------------------------------------------------------------ frames

  async #parse(upload: Upload, { seq, bytes, more }: AddFrame, isSole: boolean): Promise<void> {
    const parsed: ParsedFrame = { results: [], done: false };
    upload.parsed.set(seq, parsed);
    try {
      const whole = upload.join(bytes, more === true);
      const isWhole = whole instanceof Uint8Array;
      const { defaults } = upload;
      const wantLines = upload.dry !== undefined;
      const isMovable = isSole && whole === bytes;
      const deployment = this.#deployment;
      const result = isWhole
        ? await this.#tasks.ingest({ bytes: whole, isMovable, defaults, deployment, wantLines })
        : unparsed(whole !== null);
      for await (const part of unfolded(result, (task) => this.#tasks.arrayPart(task), wantLines)) {
        if (part !== result && (upload.refused !== undefined || upload.isFull)) break;
        if (upload.dry === undefined) await this.#shared.intern(part.templates);
        parsed.results.push(part);
        if (result.rest.length > 0) this.#advance(upload);
      }
      parsed.done = true;
    } catch (error) {
      this.#refuse(upload, asWrError(error));
      return;
    }
    this.#advance(upload);
  }

  /** Takes in what is parsed, in input order. */
  #advance(upload: Upload): void {
    try {
      for (;;) {
        const parsed = upload.parsed.get(upload.nextSeq);
        if (parsed === undefined || upload.refused !== undefined) return;
        for (const result of parsed.results.splice(0)) this.#take(upload, result);
        if (!parsed.done) {
          // A long array: the client hears how far it is.
          if (upload.dry === undefined) this.#giveCredit(upload, 0);
          return;
        }
        upload.parsed.delete(upload.nextSeq);
        upload.nextSeq += 1;
        if (upload.dry === undefined) this.#giveCredit(upload);
        else this.#giveCreditOnceTried(upload);
        this.#finishWhenComplete(upload);
      }
    } catch (error) {
      this.#refuse(upload, asWrError(error));
    }
  }

  #take(upload: Upload, result: UnfoldedResult): void {
    const fault = upload.fault(result);
    if (fault !== null) throw new WrError('BAD_LINE', fault);
    if (upload.dry !== undefined) {
      this.#tryOut(upload, result);
      return;
    }
    const templates = result.templates.map((json) => this.#shared.template(json));
    for (const { options } of templates) refuseUnusable(options);
    const part = upload.part(result, templates, this.#segments.next);
    if (part === null) return;
    for (const { options, repGroup } of usedTemplates(part)) {
      gatherLimits(options, upload.limits, upload.warnings);
      this.#warnOf(upload, options);
      upload.repGroups.add(repGroup);
      if (options.maxFails !== 0) upload.maxFails.set(repGroup, options.maxFails);
    }
    this.#segments.take();
    // An add of one frame goes to disk in one transaction; a longer one as it comes.
    const isSmall = upload.received === 1 && upload.parts.length < PARTS_AT_ONCE_MAX;
    if (isSmall && upload.end !== undefined) upload.parts.push(part);
    else this.#stage(upload, part);
  }

  /** Told now, as such commands are only buried once they are ready. */
  #warnOf({ warnings }: Upload, options: JobOptions): void {
    if (options.changeHome && options.cwdMatters) warnings.add(HOME_STAYS);
    const why = this.#whyNever(options);
    if (why === '' || warnings.size >= DEMAND_WARNINGS_MAX) return;
    warnings.add(
      `commands that ask for so much cannot run here, and are buried unless less was learned: ${why}`,
    );
  }

  #giveCredit(upload: Upload, frames = 1): void {
    const { requestId } = upload.begin;
    upload.peer.post({ type: 'addCredit', requestId, frames, commands: upload.commands });
  }

  /** A frame of an add that is only tried. */
  #tryOut(upload: Upload, result: IngestResult): void {
    for (const json of result.templates) {
      const options = parseTemplate(json);
      refuseUnusable(options);
      this.#warnOf(upload, options);
    }
    upload.tried = upload.tryOut(result);
    upload.tried.catch((error: unknown) => this.#refuse(upload, asWrError(error)));
  }

  /** Once all of a frame so far was judged, which happens in order. */
  #giveCreditOnceTried(upload: Upload): void {
    upload.tried.then(
      () => this.#giveCredit(upload),
      () => undefined, // It was refused.
    );
  }

  #stage(upload: Upload, { bytes, ...part }: AddPart): void {
    if (bytes === null) return;
    // The keys are a view of the packed jobs, which must not stay in memory with them.
    upload.parts.push({ ...part, bytes: null, keys: new Uint8Array(part.keys) });
    const shared = this.#shared.take(part.templates);
    const staged = this.#store
      .commit([...shared.writes, segmentWrite(part.segment, bytes), stagedWrite(part.segment, true)])
      .then(shared.saved);
    upload.stagings.push(staged);
    staged.catch((error: unknown) => this.#refuse(upload, asWrError(error)));
  }

  // ------------------------------------------------------------ the end

  #finishWhenComplete(upload: Upload): void {
    const { end } = upload;
    if (end === undefined || upload.nextSeq < end.frames || upload.finishing) return;
    upload.finishing = true;
    const result = this.#finish.finish(upload, end);
    this.#finishing.set(upload.begin.requestId, result);
    const forget = (): void => {
      this.#finishing.delete(upload.begin.requestId);
      this.#uploads.delete(upload.begin.requestId);
      upload.leave();
    };
    result.then(forget, (error: unknown) => {
      forget();
      if (!upload.isStored) this.#drop(upload);
      const failure = upload.isStored ? storedAllTheSame(error) : asWrError(error);
      this.#onFailed(failure);
      const { code, message } = failure;
      upload.peer.post({ type: 'error', id: end.id, code, message, retryable: false });
    });
  }

  // ------------------------------------------------------------ refusing

  #refuse(upload: Upload, error: WrError): void {
    if (upload.refused !== undefined || upload.finishing) return;
    upload.refused = error;
    this.#onFailed(error);
    const { requestId } = upload.begin;
    const { code, message } = error;
    if (upload.end === undefined) upload.peer.post({ type: 'addRefused', requestId, code, message });
    else upload.peer.post({ type: 'error', id: upload.end.id, code, message, retryable: false });
    this.#abandon(upload);
  }

  /** Forgets an add that will not come to its end. */
  #abandon(upload: Upload): void {
    // A refused one stays until its client ends or leaves, so that later frames of it are understood.
    if (upload.refused === undefined || upload.end !== undefined || !upload.peer.open) {
      this.#uploads.delete(upload.begin.requestId);
    }
    upload.refused ??= new WrError('DISCONNECTED', 'the client left before its add was complete');
    upload.leave();
    this.#drop(upload);
  }

  #drop(upload: Upload): void {
    const writes = upload.parts
      .filter((part) => part.bytes === null)
      .flatMap((part) => [dropSegmentWrite(part.segment), stagedWrite(part.segment, false)]);
    upload.parts.length = 0;
    upload.parsed.clear();
    // What this leaves behind the next start finds and drops.
    if (writes.length > 0) void this.#store.commit(writes).catch(() => undefined);
  }
}

/** Those of the commands that are wanted: `--head` may cut some off. */
function usedTemplates({ templates, templateIndex }: AddPart): readonly Template[] {
  if (templateIndex === null) return templates.slice(0, 1);
  return [...new Set(templateIndex)].map((index) => templates[index] as Template);
}

/** Should never happen; nothing is lost by it. */
function storedAllTheSame(cause: unknown): WrError {
  const { code, message } = asWrError(cause);
  return new WrError(
    code,
    `the commands are on disk, and are queued at the next start at the latest: ${message}`,
    {
      cause,
    },
  );
}
