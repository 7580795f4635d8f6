/** Another host as its shell shows it: its processes, and what becomes of them when they are signalled. */
import type { RunOnHost } from '../../server/processes.ts';

export interface FarProcess {
  readonly pid: number;
  readonly birth?: number;
  readonly mark?: string;
}

export class FarHost {
  /** What was asked of it: the name it was called by, and the command. */
  readonly asked: string[] = [];
  processes: readonly FarProcess[];
  /** Commands its shell lets through. */
  allows: (command: string) => boolean = () => true;

  constructor(processes: readonly FarProcess[] = []) {
    this.processes = processes;
  }

  readonly run: RunOnHost = async (name, command) => {
    this.asked.push(`${name}: ${command}`);
    if (!this.allows(command)) throw new Error('not allowed');
    if (command.includes('wr-ps-batch')) return this.#list();
    if (command.includes('echo wr-look')) return this.#look(command);
    if (command.includes('echo wr-end')) return this.#end(command);
    return this.#killRunner(command);
  };

  #list(): string {
    return text(['wr-ps-batch 7', '7 Ss', ...this.processes.map(({ pid }) => `${pid} S`)]);
  }

  #look(command: string): string {
    const pids = (/for p in ([\d ]*)\$\$/.exec(command)?.[1] ?? '').split(' ').map(Number);
    const marks = marksIn(command);
    const named = this.processes.filter(({ pid }) => pids.includes(pid));
    const marked = this.processes.filter(({ mark = '' }) => marks.includes(mark));
    return text([
      'wr-look 7',
      ...named.map(({ pid, birth = 0 }) => `${pid} ${birth}`),
      '7 99',
      ...marked.map(({ pid, birth = 0, mark }) => `${pid} ${birth} ${mark}`),
      '7 99 wr-look',
      'wr-look end',
    ]);
  }

  #end(command: string): string {
    const named = / n=" ([\d: ]*) "/.exec(command)?.[1]?.split(' ') ?? [];
    const marks = marksIn(command);
    this.processes = this.processes.filter(
      ({ pid, birth, mark = '' }) => !named.includes(`${pid}:${birth}`) && !marks.includes(mark),
    );
    return text(['wr-end 7', 'left 0 1', 'wr-end end']);
  }

  #killRunner(command: string): string {
    const pid = Number(/kill -9 (\d+)/.exec(command)?.[1]);
    this.processes = this.processes.filter((each) => each.pid !== pid);
    return text(['wr-killed']);
  }
}

function marksIn(command: string): string[] {
  return [...command.matchAll(/-e WR_ATTEMPT=(\S+)/g)].map(([, mark = '']) => mark);
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
