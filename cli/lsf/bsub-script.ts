/**
 * What is typed to bsub, line by line, as a command and its options (spec: cloud-and-mounts.md §7.2).
 *
 * ```
 * #BSUB -X value     an option, X one letter: -J, -n and -M count, the others are LSF's alone and dropped
 * anything else      a line of the command, as it stands
 * ```
 * A job array, `#BSUB -J name[1-10]%4`, is an array of commands that find their index in LSB_JOBINDEX, at most 4 at once.
 */
import { parseArray } from '../../core/array-indexes.ts';
import { WrError } from '../../core/errors.ts';
import { parseCpusOption, parseIntegerOption } from '../../core/job-fields.ts';
import { checkLimitGroups } from '../../core/limit-names.ts';
import { LINE_BYTES_MAX } from '../../core/protocol.ts';

const OPTION = /^#BSUB\s+-([A-Za-z])\s+(.*\S)/;
const VALUE = String.raw`("[^"]*"|'[^']*'|[^\s"'-]\S*)`;
/** Several options on one line, each with a value of one word or in quotes. */
const SEVERAL = new RegExp(String.raw`^#BSUB(\s+-[A-Za-z]\s+${VALUE}){2,}$`);
const EACH = new RegExp(String.raw`\s-([A-Za-z])\s+${VALUE}`, 'g');
/** `name[1-10]%4` */
const JOB_ARRAY = /^(.*)\[([\d,:\s-]+)\](?:%(\d+))?$/;
const HOLE = '{}';
const DEFAULT_NAME = 'bsub';
const MEMORY_MB_MAX = 2 ** 31 - 1;

export class BsubScript {
  /** Every line of it ends in a newline. */
  cmd = '';
  /** First word of the first line that is no comment; '': there is no such line. */
  program = '';
  repGroup = DEFAULT_NAME;
  /** Indexes of a job array; `null`: it is none. */
  array: string | null = null;
  /** How many of a job array may run at once, as limit groups. */
  limitGroups: readonly string[] = [];
  /** `null`: not said. */
  cpus: number | null = null;
  memoryMb: number | null = null;

  /**
   * Takes in the next line, without its end.
   * @throws {WrError} BAD_OPTION naming the option, its value and the accepted form; BAD_INPUT when it gets too long
   */
  take(line: string): void {
    const options = optionsIn(line.trim());
    if (options.length > 0) {
      for (const [letter, value] of options) this.#takeOption(letter, value);
      return;
    }
    this.cmd += `${line}\n`;
    if (this.cmd.length > LINE_BYTES_MAX)
      throw new WrError('BAD_INPUT', `the command has more than ${LINE_BYTES_MAX} bytes`, { hint: '' });
    const trimmed = line.trim();
    if (this.program === '' && trimmed !== '' && !trimmed.startsWith('#'))
      this.program = trimmed.split(/\s/, 1)[0] as string;
  }

  /**
   * The command as a line of input for an add.
   * @throws {WrError} BAD_OPTION when a job array's command would not stay as it is
   */
  line(): string {
    const { cmd, array } = this;
    if (array === null) return JSON.stringify({ cmd });
    if (cmd.includes(HOLE))
      throw new WrError(
        'BAD_OPTION',
        `the command of a job array must not hold ${HOLE}: it would become the index`,
      );
    return JSON.stringify({ cmd: `export LSB_JOBINDEX=${HOLE}\n${cmd}`, array });
  }

  #takeName(value: string): void {
    const [, name, indexes, atOnce] = JOB_ARRAY.exec(value) ?? [];
    this.repGroup = (indexes === undefined ? value : name) || DEFAULT_NAME;
    this.array = indexes ?? null;
    if (indexes !== undefined) parseArray(indexes, '#BSUB -J');
    this.limitGroups =
      atOnce === undefined ? [] : checkLimitGroups([`${this.repGroup}:${atOnce}`], '#BSUB -J');
  }

  #takeOption(letter: string, value: string): void {
    switch (letter) {
      case 'J':
        this.#takeName(value);
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

function optionsIn(line: string): readonly (readonly [letter: string, value: string])[] {
  if (SEVERAL.test(line))
    return [...line.matchAll(EACH)].map(([, letter = '', value = '']) => [letter, unquoted(value)] as const);
  const [, letter, value] = OPTION.exec(line) ?? [];
  return letter === undefined || value === undefined ? [] : [[letter, unquoted(value)]];
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value;
}
