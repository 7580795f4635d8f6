/** Scripts that complete the words of a command line: everything there is, written out, so that a tabulator starts no program. */
import type { CommandEntry } from '../command.ts';
import { type FlagSpec, type FlagSpecs, GLOBAL_FLAGS } from '../flags.ts';

interface Node {
  /** Words behind `wr`, blank-separated; '' for `wr` itself. */
  readonly path: string;
  readonly children: readonly { readonly name: string; readonly summary: string }[];
  /** With their dashes. */
  readonly flags: readonly string[];
  /** Of flags that take one of few words. */
  readonly values: readonly Values[];
}

interface Values {
  /** Without dashes. */
  readonly flag: string;
  readonly short: string | undefined;
  readonly words: readonly string[];
}

export async function completionScript(
  shell: 'bash' | 'zsh' | 'fish' | 'powershell',
  table: readonly CommandEntry[],
  descriptions: boolean,
): Promise<string> {
  const nodes = await collect('', table);
  switch (shell) {
    case 'bash':
      return bash(nodes);
    case 'zsh':
      return zsh(nodes, descriptions);
    case 'fish':
      return fish(nodes, descriptions);
    case 'powershell':
      return powershell(nodes);
    default:
      return shell satisfies never;
  }
}

async function collect(path: string, entries: readonly CommandEntry[]): Promise<Node[]> {
  const shown = entries.filter(({ hidden }) => hidden !== true);
  const nodes: Node[] = [{ path, children: shown, ...flagsOf({}) }];
  for (const entry of shown) {
    const below = path === '' ? entry.name : `${path} ${entry.name}`;
    if ('children' in entry) nodes.push(...(await collect(below, entry.children)));
    else nodes.push({ path: below, children: [], ...flagsOf((await entry.load()).flags) });
  }
  return nodes;
}

function flagsOf(own: FlagSpecs): Pick<Node, 'flags' | 'values'> {
  const specs: [string, FlagSpec][] = Object.entries({ ...own, ...GLOBAL_FLAGS });
  const shown = specs.filter(([, { hidden }]) => hidden !== true);
  return {
    flags: shown.map(([name]) => `--${name}`),
    values: shown.flatMap(([flag, { short, values }]) =>
      values === undefined ? [] : [{ flag, short, words: values }],
    ),
  };
}

/** Branches of a `case` over the path of the command and the flag before, each setting `words`. */
function valueCases(nodes: readonly Node[], set: (words: readonly string[]) => string): string {
  const cases = nodes.flatMap(({ path, values }) =>
    values.map(({ flag, short, words }) => {
      const spellings = [`--${flag}`, ...(short === undefined ? [] : [`-${short}`])];
      return `    ${spellings.map((word) => `"${path} ${word}"`).join('|')}) ${set(words)} ;;`;
    }),
  );
  return cases.join('\n');
}

/** Statements that walk over the words typed so far and leave the path of the command in `$at`. */
function shellWalk(nodes: readonly Node[], words: string): string {
  const known = nodes.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`);
  return `  local at="" word try
  for word in ${words}; do
    case "$word" in -*) continue ;; esac
    try="\${at:+$at }$word"
    case "$try" in ${known.join('|')}) at="$try" ;; esac
  done
`;
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, children, flags }) => {
    const words = children.map(({ name }) => name).join(' ');
    return `    "${path}") words="${words}"; flags="${flags.join(' ')}" ;;`;
  });
  return `# Completion of wr for bash
_wr() {
${shellWalk(nodes, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}  local words="" flags="" current="\${COMP_WORDS[COMP_CWORD]}"
  case "$at" in
${cases.join('\n')}
  esac
  case "$current" in -*) words="$flags" ;; esac
  case "$at \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(nodes, (words) => `words="${words.join(' ')}"`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _wr wr
`;
}

function zsh(nodes: readonly Node[], descriptions: boolean): string {
  const cases = nodes.map(({ path, children, flags }) => {
    const words = children
      .map(({ name, summary }) => quote(descriptions ? `${name}:${summary}` : name))
      .join(' ');
    return `    "${path}") commands=(${words}); flags=(${flags.join(' ')}) ;;`;
  });
  return `#compdef wr
# Completion of wr for zsh
_wr() {
  local -a typed=("\${(@)words[2,CURRENT-1]}")
${shellWalk(nodes, `"\${typed[@]}"`)}  local -a commands flags
  case "$at" in
${cases.join('\n')}
  esac
  local -a values
  case "$at \${words[CURRENT-1]}" in
${valueCases(nodes, (words) => `values=(${words.join(' ')})`)}
  esac
  if (( $#values )); then
    compadd -- $values
  elif [[ "$PREFIX" == -* ]]; then
    compadd -- $flags
  elif (( $#commands )); then
    _describe 'command' commands
  else
    _files
  fi
}
compdef _wr wr
# As a file named _wr on the fpath it is itself the function at its first call.
if [[ "\${funcstack[1]}" == _wr ]]; then _wr "$@"; fi
`;
}

function fish(nodes: readonly Node[], descriptions: boolean): string {
  const lines: string[] = ['# Completion of wr for fish', 'complete -c wr -n __wr_at_root -f'];
  for (const { path, children, flags, values } of nodes) {
    const condition = quote(`__wr_at ${path}`.trim());
    for (const { name, summary } of children) {
      lines.push(
        `complete -c wr -n ${condition} -f -a ${name}${descriptions ? ` -d ${quote(summary)}` : ''}`,
      );
    }
    for (const flag of flags.map((word) => word.slice(2)))
      if (!values.some((known) => known.flag === flag))
        lines.push(`complete -c wr -n ${condition} -l ${flag}`);
    for (const { flag, short, words } of values) {
      const letter = short === undefined ? '' : ` -s ${short}`;
      lines.push(`complete -c wr -n ${condition} -l ${flag}${letter} -x -a ${quote(words.join(' '))}`);
    }
  }
  return `function __wr_at
  set -l typed (commandline -opc)[2..-1]
  set -l words
  for word in $typed
    string match -q -- '-*' $word; or set -a words $word
  end
  set -l wanted $argv
  test (count $words) -ge (count $wanted); or return 1
  for i in (seq (count $wanted))
    test "$words[$i]" = "$wanted[$i]"; or return 1
  end
  test (count $wanted) -gt 0; or test (count $words) -eq 0
end
function __wr_at_root
  __wr_at
end
${lines.join('\n')}
`;
}

function powershell(nodes: readonly Node[]): string {
  const rows = nodes.map(({ path, children, flags }) => {
    const list = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ');
    return `    '${path}' = @{ words = @(${list(children.map(({ name }) => name))}); flags = @(${list(flags)}) }`;
  });
  return `# Completion of wr for PowerShell
Register-ArgumentCompleter -Native -CommandName 'wr' -ScriptBlock {
  param($current, $line, $cursor)
  $table = @{
${rows.join('\n')}
  }
  $path = ''
  foreach ($element in ($line.CommandElements | Select-Object -Skip 1)) {
    $try = ("$path $element").Trim()
    if ($table.ContainsKey($try)) { $path = $try }
  }
  $node = $table[$path]
  $words = if ($current -like '-*') { $node.flags } else { $node.words }
  $words | Where-Object { $_ -like "$current*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
