/**
 * The manager's log: one event a line, as `key=value` (manager.md §11).
 *
 * ```
 * t=2024-05-01T10:11:12+0200 lvl=warn msg="the existing token is used again" file=/home/me/.wr/client.token caller=main.js:130
 * ```
 * Lines of one turn of the event loop are written together; what is an error is written at once.
 */
import { LogFile, type LogFileOptions } from './log-file.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'crit';
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** What ends the manager, or should never happen; with the stack. */
  crit(message: string, fields?: Fields): void;
}

export interface LogOptions extends LogFileOptions {
  /** The lowest that is kept. */
  readonly level: Level;
  /** Shows everything on stderr as well: for a manager in the foreground. */
  readonly stderr: boolean;
}

export interface OpenLog extends Log {
  /** Writes what waits, at once. */
  flush(): void;
  close(): Promise<void>;
}

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error', 'crit'];
/** Five letters and four: as those who search such logs know them. */
const NAMES: Readonly<Record<Level, string>> = {
  debug: 'dbug',
  info: 'info',
  warn: 'warn',
  error: 'eror',
  crit: 'crit',
};
/** On a terminal. */
const HEADS: Readonly<Record<Level, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  crit: 'CRIT',
};
/** A longer value, a command say, is cut. */
const VALUE_CHARACTERS_MAX = 1_000;

/** The line after which errors belong to the present run; `wr manager start` and `status` look for it. */
export function startMarker(version: string, address: string): string {
  return `wr manager ${version} started on ${address}`;
}

export function openLog(options: LogOptions): OpenLog {
  return new FileLog(options);
}

class FileLog implements OpenLog {
  readonly #options: LogOptions;
  readonly #file: LogFile;
  readonly #lowest: number;
  #waiting: string[] = [];
  #scheduled = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#file = new LogFile(options);
    this.#lowest = LEVELS.indexOf(options.level);
  }

  debug(message: string, fields: Fields = {}): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields: Fields = {}): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields: Fields = {}): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields: Fields = {}): void {
    this.#log('error', message, fields);
  }

  crit(message: string, fields: Fields = {}): void {
    this.#log('crit', message, fields);
  }

  flush(): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    const lost = (count: number): string =>
      this.#line('error', 'lines of this log could not be written', { lines: count });
    this.#file.append(lines.join(''), lines.length, lost);
  }

  async close(): Promise<void> {
    this.flush();
    await this.#file.close();
  }

  #log(level: Level, message: string, fields: Fields): void {
    if (LEVELS.indexOf(level) < this.#lowest) return;
    this.#waiting.push(this.#line(level, message, { ...fields, ...origin(level, fields) }));
    if (this.#options.stderr)
      process.stderr.write(terminalLine(this.#options.nowMs(), level, message, fields));
    if (level === 'error' || level === 'crit') this.flush();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #line(level: Level, message: string, fields: Fields): string {
    return `t=${timeOf(this.#options.nowMs())} lvl=${NAMES[level]} msg=${quoted(message)}${fieldsOf(fields)}\n`;
  }
}

// ---------------------------------------------------------------- repeated events

const REPEAT_MS = 60_000;
const KINDS_MAX = 1_000;

interface Kind {
  readonly message: string;
  sinceMs: number;
  count: number;
  longestMs: number;
  latest: Fields;
}

/**
 * Keeps one kind of event from filling the log: the first is told in full, then one line a minute says how often it came
 * again, the longest and the latest (since-0.36.md §3.5).
 */
export class Repeats {
  readonly #log: Log;
  readonly #level: Level;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: Log, level: Level, nowMs: () => number) {
    this.#log = log;
    this.#level = level;
    this.#nowMs = nowMs;
  }

  /**
   * @param kind - events of the same kind are counted together
   * @param lengthMs - how long it took, where that is what matters
   */
  note(kind: string, message: string, fields: Fields = {}, lengthMs = 0): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) {
      this.#log[this.#level](message, fields);
      this.#kinds.set(kind, {
        message,
        sinceMs: this.#nowMs(),
        count: 0,
        longestMs: lengthMs,
        latest: fields,
      });
      this.#forget();
      return;
    }
    known.count += 1;
    known.longestMs = Math.max(known.longestMs, lengthMs);
    known.latest = fields;
    this.#tell(kind, known);
  }

  /** Tells what came again and is due: call it now and then, for events that have stopped coming. */
  tick(): void {
    for (const [kind, known] of this.#kinds) this.#tell(kind, known);
  }

  #tell(kind: string, known: Kind): void {
    const nowMs = this.#nowMs();
    if (nowMs - known.sinceMs < REPEAT_MS) return;
    if (known.count === 0) {
      // A quiet minute: the next one is news again.
      this.#kinds.delete(kind);
      return;
    }
    const longest = known.longestMs > 0 ? { longestMs: Math.round(known.longestMs) } : {};
    this.#log[this.#level](`${known.message} (repeated)`, {
      ...known.latest,
      count: known.count,
      ...longest,
    });
    known.sinceMs = nowMs;
    known.count = 0;
    known.longestMs = 0;
  }

  #forget(): void {
    const oldest = this.#kinds.keys().next().value;
    if (this.#kinds.size > KINDS_MAX && oldest !== undefined) this.#kinds.delete(oldest);
  }
}

// ---------------------------------------------------------------- text

/** Local time with its offset, `2024-05-01T10:11:12+0200`. */
function timeOf(timeMs: number): string {
  const offset = -new Date(timeMs).getTimezoneOffset();
  const local = new Date(timeMs + offset * 60_000).toISOString().slice(0, 19);
  const minutes = Math.abs(offset);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function terminalLine(timeMs: number, level: Level, message: string, fields: Fields): string {
  const time = new Date(timeMs);
  const day = `${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${HEADS[level]}[${day}|${clock}] ${message}${fieldsOf(fields)}\n`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function fieldsOf(fields: Fields): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined)
      text += ` ${key}=${quoted(key === 'stack' ? String(value) : cut(String(value)))}`;
  }
  return text;
}

function cut(text: string): string {
  return text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX)}…`;
}

/** A line is a line: what could end it or be taken for a key stands quoted, with JSON's escapes. */
function quoted(text: string): string {
  if (/^[^\s"=\p{Cc}]+$/u.test(text)) return text;
  return JSON.stringify(text).replace(
    /\p{Cc}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Where a line comes from, for all but plain information. */
function origin(level: Level, fields: Fields): Fields {
  if (level === 'info') return {};
  // The frames of #log and of the method that called it, and this one's own, are not news.
  const frames = (new Error().stack ?? '').split('\n').slice(4);
  if (level === 'crit')
    return fields.stack === undefined ? { stack: frames.map((frame) => frame.trim()).join('; ') } : {};
  const place = /([^/\\(]+:\d+):\d+\)?$/.exec(frames[0] ?? '')?.[1];
  return place === undefined ? {} : { caller: place };
}
