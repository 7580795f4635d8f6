/** Messages for people: one line each on STDERR, as `INFO[11-23|07:47:08] text` (spec: cli.md §1.3, the rulings). */
import type { WrError } from '../core/errors.ts';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  /** A failure: a WrError also says what to do next. */
  error(problem: string | WrError): void;
}

export interface LogOptions {
  readonly write: (line: string) => void;
  /** Only on a terminal, and never with `NO_COLOR` in the environment. */
  readonly colour: boolean;
  readonly now: () => Date;
  readonly debug?: boolean;
}

const COLOURS: Readonly<Record<LogLevel, number>> = { DEBUG: 36, INFO: 32, WARN: 33, ERROR: 31 };

export function makeLog({ write, colour, now, debug = false }: LogOptions): Log {
  const say = (level: LogLevel, text: string): void => {
    const word = colour ? `\u001B[${COLOURS[level]}m${level}\u001B[0m` : level;
    write(`${word}[${timeOfMessage(now())}] ${text}\n`);
  };
  return {
    debug: (text) => {
      if (debug) say('DEBUG', text);
    },
    info: (text) => say('INFO', text),
    warn: (text) => say('WARN', text),
    error: (problem) => say('ERROR', typeof problem === 'string' ? problem : withHint(problem)),
  };
}

/** What happened, and what to do about it. */
export function withHint(error: WrError): string {
  return error.hint === '' ? error.message : `${error.message} — ${error.hint}`;
}

/** `MM-DD|HH:MM:SS`, local time. */
export function timeOfMessage(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}|${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
