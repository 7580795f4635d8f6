/** What a subcommand's file exports, and what it is given. */
import type { Config } from '../core/config.ts';
import type { FlagSpecs } from './flags.ts';
import type { Log } from './log.ts';
import type { ManagerLink } from './manager-link.ts';

export interface ConnectOptions {
  /** Bounds every wait for an answer; default: two minutes. */
  readonly timeoutMs?: number;
  /** Says nothing of addresses that do not answer: for those who ask again and again. */
  readonly quiet?: boolean;
}

/** A connection, and the address at which the manager was found. */
export interface Connected {
  readonly link: ManagerLink;
  readonly host: string;
  readonly port: number;
}

/** The world a subcommand lives in; tests give it a small one of their own. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Everything there is, for those who tell about it. */
  readonly commands: readonly CommandEntry[];
  /** Messages, on STDERR. */
  readonly log: Log;
  /** Data, on STDOUT; resolves when more may be written. */
  out(data: string | Uint8Array): Promise<void>;
  /** Text on STDERR that is no message. */
  err(data: string | Uint8Array): void;
  /** Whether STDERR is a terminal, on which progress may be drawn. */
  readonly terminal: boolean;
  /** Whether STDOUT is one, on which data may be drawn anew. */
  readonly outTerminal: boolean;
  /** Of the terminal. */
  readonly columns: number;
  /** @throws {WrError} BAD_CONFIG */
  config(deploymentFlag: string | undefined): Promise<Config>;
  /** @throws {WrError} NO_TOKEN, NO_MANAGER, BAD_TOKEN, BAD_CERTIFICATE, BAD_PROTOCOL, TIMED_OUT */
  connect(config: Config, options?: ConnectOptions): Promise<Connected>;
}

export interface Command {
  /** The flags of its own, for completion scripts. */
  readonly flags: FlagSpecs;
  /** What `--help` prints. Its first paragraph says what the command does; a line begins with `Usage:`. */
  readonly help: string;
  /** @returns the exit code */
  run(argv: readonly string[], context: Context): Promise<number>;
}

/** One word of the command line: it leads to a command, loaded only when it is used, or to further words. */
export type CommandEntry = {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  readonly hidden?: boolean;
} & ({ readonly load: () => Promise<Command> } | { readonly children: readonly CommandEntry[] });
