/**
 * What is typed to bsub, line by line, as a command and its options (spec: cloud-and-mounts.md §7.2).
 *
 * ```
 * #BSUB -X value     an option, X one letter: -J, -n and -M count, the others are LSF's alone and dropped
 * anything else      a line of the command, as it stands
 * ```
 */
import { WrError } from '../../core/errors.ts';
import { parseCpusOption, parseIntegerOption } from '../../core/job-fields.ts';
import { LINE_BYTES_MAX } from '../../core/protocol.ts';

const OPTION = /^#BSUB\s+-([A-Za-z])\s+(.*\S)/;
/** `name[1-10]`: one call of bsub for many jobs. */
const JOB_ARRAY = /\[[\d,:%\s-]+\](%\d+)?$/;
const MEMORY_MB_MAX = 2 ** 31 - 1;

export class BsubScript {
  /** Every line of it ends in a newline. */
  cmd = '';
  /** First word of the first line that is no comment; '': there is no such line. */
  program = '';
  /** `null`: not said. */
  repGroup: string | null = null;
  cpus: number | null = null;
  memoryMb: number | null = null;

  /**
   * Takes in the next line, without its end.
   * @throws {WrError} BAD_OPTION naming the option, its value and the accepted form; BAD_INPUT when it gets too long
   */
  take(line: string): void {
    const option = OPTION.exec(line.trim());
    if (option !== null) {
      this.#takeOption(option[1] as string, unquoted(option[2] as string));
      return;
    }
    this.cmd += `${line}\n`;
    if (this.cmd.length > LINE_BYTES_MAX)
      throw new WrError('BAD_INPUT', `the command has more than ${LINE_BYTES_MAX} bytes`, { hint: '' });
    const trimmed = line.trim();
    if (this.program === '' && trimmed !== '' && !trimmed.startsWith('#'))
      this.program = trimmed.split(/\s/, 1)[0] as string;
  }

  #takeOption(letter: string, value: string): void {
    switch (letter) {
      case 'J':
        if (JOB_ARRAY.test(value)) throw new WrError('BAD_OPTION', arrayMessage(value));
        this.repGroup = value;
        return;
      case 'n':
        this.cpus = parseCpusOption(value, '#BSUB -n');
        return;
      case 'M':
        this.memoryMb = parseIntegerOption(value, '#BSUB -M', 0, MEMORY_MB_MAX);
        return;
    }
  }
}

function arrayMessage(value: string): string {
  return `#BSUB -J ${value}: job arrays of LSF are not supported; name one job, or use wr add --array`;
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value;
}
