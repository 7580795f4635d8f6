/**
 * What is there of attempts on another host, and the end of it, asked through a shell there that has /proc (Linux).
 *
 * Each script shows that it sees: it carries a mark of its own in its environment, as commands do, and the answer counts only
 * if that was found. Its words are numbers and marks, which are checked first; nothing that a user wrote gets into it.
 *
 * One line, and no single quote inside: whatever shell the user has there hands it to `sh` as it is.
 */
import { MARK_NAME } from './attempt-mark.ts';

const LOOK = 'wr-look';
const END = 'wr-end';
const SAFE_MARK = /^\d+-[0-9A-Za-z._-]+$/;

/** A process, and when it began in the clock ticks of its host. */
export interface Born {
  readonly pid: number;
  /** 0: not known. */
  readonly birth: number;
}

export interface Look {
  /** When each process began that was asked about and is there; 0: not known. */
  readonly births: ReadonlyMap<number, number>;
  /** What carries a mark that was asked about, the eldest first. */
  readonly marked: ReadonlyMap<string, readonly Born[]>;
}

/** Sets b to when process $1 began; fails when there is none, or it has ended. Behind the name, which may hold anything. */
const BORN =
  'born() { read -r s </proc/$1/stat || return 1; s=${s##*) }; set -- $s; case $1 in Z|X) return 1;; esac; b=${20}; };';

/** `/proc/<pid>/environ:WR_ATTEMPT=<mark>` of all that carries one of these, one a line. */
function carriers(marks: readonly string[]): string {
  const wanted = [LOOK, ...marks].map((mark) => `-e ${MARK_NAME}=${mark}`).join(' ');
  return `grep -Hozsax -F ${wanted} /proc/[0-9]*/environ | tr "\\000" "\\n"`;
}

function inShell(script: string): string {
  return `env ${MARK_NAME}=${LOOK} /bin/sh -c '${script}' 2>/dev/null`;
}

/** What ssh may be told to connect to; none is an option or means anything to a shell. */
export function isHostName(text: string): boolean {
  return /^[0-9A-Za-z_][0-9A-Za-z_.:-]*$/.test(text);
}

/** Whether a mark may stand in a command. */
export function isSafeMark(mark: string): boolean {
  return SAFE_MARK.test(mark);
}

/** @param pids - positive. @param marks - {@link isSafeMark} each */
export function lookCommand(pids: readonly number[], marks: readonly string[]): string {
  check(pids, marks);
  const found = 'p=${c#/proc/}; p=${p%%/*}; born $p && echo "$p $b ${c##*=}"';
  return inShell(
    [
      `echo ${LOOK} $$; ${BORN}`,
      `for p in ${pids.join(' ')} $$; do born $p && echo "$p $b"; done;`,
      `for c in $(${carriers(marks)}); do ${found}; done; echo ${LOOK} end`,
    ].join(' '),
  );
}

/** @returns `null`: the answer cannot be relied on */
export function parseLookAnswer(output: string): Look | null {
  const lines = linesBetween(output, LOOK);
  if (lines === null) return null;
  const births = new Map<number, number>();
  const marked = new Map<string, Born[]>();
  let sees = false;
  for (const line of lines.rest) {
    const [, pid = '', birth = '0', mark] = /^(\d+) (\d*)(?: (\S+))?$/.exec(line) ?? [];
    if (pid === '') return null;
    const born = { pid: Number(pid), birth: Number(birth) };
    if (mark === LOOK) sees ||= pid === lines.shell;
    else if (mark === undefined) births.set(born.pid, born.birth);
    else
      marked.set(
        mark,
        [...(marked.get(mark) ?? []), born].sort((a, b) => a.birth - b.birth),
      );
  }
  return sees && births.has(Number(lines.shell)) ? { births, marked } : null;
}

/**
 * Ends processes and all that came of them: those that are named at once, the others are asked to end first (jobs.md §17).
 * What was given an id later is let alone.
 * @param processes - those whose birth is not known are told by their marks alone
 */
export function endCommand(processes: readonly Born[], marks: readonly string[]): string {
  const known = processes.filter(({ pid, birth }) => pid > 1 && birth > 0);
  check(
    known.flatMap(({ pid, birth }) => [pid, birth]),
    marks,
  );
  const named = known.map(({ pid, birth }) => `${pid}:${birth}`).join(' ');
  return inShell(
    [
      `echo ${END} $$; ${BORN} n=" ${named} "; l=; k=;`,
      // Those known, those marked, and what descends from any of these, as long as there is more.
      'put() { case " $l " in *" $1 "*) ;; *) l="$l $1"; m=1;; esac; };',
      'all() { o=$l; l=; for c in $n $o; do born ${c%:*} && [ $b = ${c#*:} ] && put $c; done;',
      `for c in $(${carriers(marks)}); do p=\${c#/proc/}; p=\${p%%/*}; case \${c##*=} in ${LOOK}) [ $p = $$ ] && k=1;; *) born $p && put $p:$b;; esac; done;`,
      't=; for f in /proc/[0-9]*/stat; do read -r s <$f || continue; s=${s##*) }; p=${f#/proc/}; set -- $s; case $1 in Z|X) ;; *) t="$t ${p%/stat}:${20}/$2";; esac; done;',
      'm=1; while [ $m = 1 ]; do m=0; for c in $t; do case " $l" in *" ${c#*/}:"*) put ${c%/*};; esac; done; done; };',
      'hit() { for c in $l; do born ${c%:*} && [ $b = ${c#*:} ] && kill -s $1 ${c%:*}; done; };',
      'all; for c in $l; do g=TERM; case "$n" in *" $c "*) g=KILL;; esac; born ${c%:*} && [ $b = ${c#*:} ] && kill -s $g ${c%:*}; done;',
      'if [ -n "$l" ]; then sleep 0.5 || sleep 1; all; hit KILL; i=0; while [ -n "$l" ] && [ $i -lt 5 ]; do i=$((i+1)); sleep 0.1 || sleep 1; all; hit KILL; done; fi;',
      `set -- $l; echo "left $# $k"; echo ${END} end`,
    ].join(' '),
  );
}

/** @returns how many processes are left; `null`: the answer cannot be relied on */
export function parseEndAnswer(output: string): number | null {
  const left = linesBetween(output, END)?.rest.at(-1) ?? '';
  const found = /^left (\d+) 1$/.exec(left)?.[1];
  return found === undefined ? null : Number(found);
}

/** What stands between the first and the last line of an answer, which may follow what a login says. */
function linesBetween(
  output: string,
  name: string,
): { readonly shell: string; readonly rest: readonly string[] } | null {
  const lines = output.split('\n').map((line) => line.trim());
  const first = lines.findIndex((line) => /^wr-(look|end) \d+$/.test(line));
  const [word, shell = ''] = (lines[first] ?? '').split(' ');
  const last = lines.indexOf(`${name} end`, first);
  if (word !== name || last < 0) return null;
  return { shell, rest: lines.slice(first + 1, last) };
}

function check(numbers: readonly number[], marks: readonly string[]): void {
  if (!numbers.every((number) => Number.isSafeInteger(number) && number > 0))
    throw new RangeError('a process id or birth is no positive number');
  if (!marks.every(isSafeMark)) throw new RangeError('a mark cannot stand in a command');
}
