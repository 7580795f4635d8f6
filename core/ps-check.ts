/**
 * Whether processes of another host still exist, asked through a shell there (spec: since-0.36.md §3.4). What is not plainly
 * said is not known: a `ps` that failed, an answer cut off or of something else never means that anything is gone.
 */
const MARK = 'wr-ps-batch';
const KILLED = 'wr-killed';
/** States of processes that have ended. */
const ENDED = /^[ZX]/;

/** One command that looks at all of them. @param pids - positive */
export function psCommand(pids: readonly number[]): string {
  const [first, ...others] = pids;
  const list = [first, '$$', ...others].join(',');
  return `echo ${MARK} $$; ps -o pid=,stat= -p ${list} 2>/dev/null || test $? -eq 1`;
}

/**
 * Which of the processes asked about exist.
 * @param output - what the command of {@link psCommand} printed
 * @returns `null`: the answer cannot be relied on
 */
export function parsePsAnswer(output: string): ReadonlySet<number> | null {
  const lines = output.split('\n').map((line) => line.trim());
  const mark = lines.findIndex((line) => line.startsWith(`${MARK} `));
  const shell = /^wr-ps-batch (\d+)$/.exec(lines[mark] ?? '')?.[1];
  if (shell === undefined || !output.endsWith('\n')) return null;
  const alive = new Set<number>();
  let sawShell = false;
  for (const line of lines.slice(mark + 1)) {
    if (line === '') continue;
    const found = /^(\d+)\s+(\S+)$/.exec(line);
    if (found === null) return null;
    if (found[1] === shell) sawShell = true;
    if (!ENDED.test(found[2] as string)) alive.add(Number(found[1]));
  }
  return sawShell ? alive : null;
}

/** Kills a runner that has been silent for very long, if the process of that id is one. */
export function killRunnerCommand(pid: number): string {
  return `case "$(ps -o args= -p ${pid} 2>/dev/null)" in *" runner "*) kill -9 ${pid} && echo ${KILLED};; esac`;
}

export function wasKilled(output: string): boolean {
  return output.split('\n').some((line) => line.trim() === KILLED);
}
