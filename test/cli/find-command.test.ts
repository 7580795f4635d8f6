import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { Command, CommandEntry } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/command-table.ts';
import { findCommand, groupHelp } from '../../cli/find-command.ts';
import { completionScript } from '../../cli/output/completion-script.ts';

function find(...argv: string[]) {
  const found = findCommand(argv, COMMANDS);
  return found.kind === 'group'
    ? { group: found.path.join(' ') }
    : { command: found.path.join(' '), argv: found.argv };
}

async function everyCommand(entries: readonly CommandEntry[], path = ''): Promise<[string, Command][]> {
  const found: [string, Command][] = [];
  for (const entry of entries) {
    const name = `${path} ${entry.name}`.trim();
    if ('children' in entry) found.push(...(await everyCommand(entry.children, name)));
    else if (entry.hidden !== true) found.push([name, await entry.load()]);
  }
  return found;
}

describe('findCommand', () => {
  it('walks down groups and leaves the rest to the command', () => {
    assert.deepEqual(find('manager', 'start', '-f', 'x'), { command: 'manager start', argv: ['-f', 'x'] });
    assert.deepEqual(find('add', '-h'), { command: 'add', argv: ['-h'] });
  });

  it('carries the deployment given before the command to it', () => {
    assert.deepEqual(find('--deployment', 'development', 'status', '-b'), {
      command: 'status',
      argv: ['--deployment', 'development', '-b'],
    });
    assert.deepEqual(find('manager', '--deployment=development', 'stop'), {
      command: 'manager stop',
      argv: ['--deployment=development'],
    });
  });

  it('shows the help of a group that is called bare, with --help or with a word it does not know', () => {
    assert.deepEqual(find(), { group: '' });
    assert.deepEqual(find('-h'), { group: '' });
    assert.deepEqual(find('manager', 'foo'), { group: 'manager' });
    assert.deepEqual(find('lsf', '--help'), { group: 'lsf' });
  });

  it('refuses an unknown first word and flags before a command', () => {
    assert.throws(() => find('stauts'), /unknown command "stauts"; did you mean status\?/);
    for (const word of ['foo', 'xyz']) {
      assert.throws(() => find(word), new RegExp(`unknown command "${word}"$`), 'nothing is near');
    }
    assert.throws(() => find('start'), /did you mean manager start\?/);
    assert.throws(() => find('--verbose', 'add'), /unknown flag --verbose/);
  });
});

describe('help', () => {
  it('of every command names each of its flags', async () => {
    for (const [name, { help, flags }] of await everyCommand(COMMANDS)) {
      assert.match(help, /^Usage:$/m, name);
      assert.ok(help.includes(`  wr ${name}`), name);
      for (const [flag, { short, hidden }] of Object.entries(flags)) {
        if (name === 'mod' || hidden === true) continue; // Those of wr add.
        const written = flag.replaceAll('_', '[-_]');
        assert.match(help, new RegExp(`--${written}\\b`), `${name} --${flag}`);
        if (short !== undefined && !/^(cloud|k8s|manager start)/.test(name)) {
          assert.match(help, new RegExp(`-${short}, --${written}\\b`), `${name} -${short}`);
        }
      }
      for (const line of help.split('\n')) assert.ok(line.length <= 120, `${name}: ${line}`);
    }
  });

  it('of the whole leaves hidden commands out', () => {
    const help = groupHelp([], COMMANDS);
    assert.match(help, /^ {2}status +Show what became of commands$/m);
    assert.doesNotMatch(help, /runner/);
  });
});

describe('completion scripts', () => {
  it('complete words and flags in bash', async (t) => {
    const script = await completionScript('bash', COMMANDS, true);
    const complete = (...words: string[]): string[] => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const run = `${script}\nCOMP_WORDS=(wr ${list}); COMP_CWORD=${words.length}; _wr; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, status, error } = spawnSync('bash', ['-c', run], { encoding: 'utf8' });
      if (error !== undefined) t.skip('there is no bash');
      assert.equal(status, 0);
      return stdout.trim().split('\n');
    };
    assert.deepEqual(complete('sta'), ['status']);
    assert.ok(complete('manager', '').includes('start'));
    assert.deepEqual(complete('manager', 'st').sort(), ['start', 'status', 'stop']);
    assert.deepEqual(complete('add', '-f', 'x', '--rep'), ['--rep_grp']);
    assert.deepEqual(complete('--deployment', 'production', 'kill', '--conf'), ['--confirmdead']);
    assert.deepEqual(complete('status', '-o', 'co'), ['counts']);
    assert.deepEqual(complete('add', '-o', ''), ['no', 'higher', 'always']);
    assert.deepEqual(complete('--deployment', ''), ['production', 'development']);
    assert.ok(!complete('add', '--').includes('--reserve_timeout'));
  });

  it('complete words, flags and values in fish', async (t) => {
    const script = await completionScript('fish', COMMANDS, false);
    const complete = (line: string): string[] => {
      const { stdout } = spawnSync(
        'fish',
        ['--no-config', '-c', `${script}\ncomplete -C ${JSON.stringify(line)}`],
        {
          encoding: 'utf8',
        },
      );
      return stdout.trim().split('\n').sort();
    };
    if (spawnSync('fish', ['--version']).error !== undefined) return t.skip('there is no fish');
    assert.deepEqual(complete('wr manager st'), ['start', 'status', 'stop']);
    assert.deepEqual(complete('wr kill --conf'), ['--confirmdead']);
    assert.deepEqual(complete('wr explain -o '), ['json', 'text']);
  });

  it('are read by zsh', async (t) => {
    const script = await completionScript('zsh', COMMANDS, true);
    const { status, stderr, error } = spawnSync(
      'zsh',
      ['-f', '-c', `compdef() { :; }\n${script}\nwhence -w _wr`],
      {
        encoding: 'utf8',
      },
    );
    if (error !== undefined) return t.skip('there is no zsh');
    assert.deepEqual([status, stderr], [0, '']);
  });

  it('know every flag that is shown, whatever the shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish', 'powershell'] as const) {
      const script = await completionScript(shell, COMMANDS, true);
      for (const [name, { flags }] of await everyCommand(COMMANDS))
        for (const [flag, { hidden }] of Object.entries(flags))
          if (hidden !== true)
            assert.ok(
              script.includes(shell === 'fish' ? `'__wr_at ${name}' -l ${flag}` : `--${flag}`),
              `${shell}: wr ${name} --${flag}`,
            );
    }
  });

  it('exist for zsh, fish and PowerShell, with descriptions where they are wanted', async () => {
    assert.match(await completionScript('zsh', COMMANDS, true), /^#compdef wr\n/);
    assert.match(
      await completionScript('fish', COMMANDS, true),
      /-a status -d 'Show what became of commands'/,
    );
    assert.doesNotMatch(await completionScript('fish', COMMANDS, false), / -d /);
    assert.match(await completionScript('powershell', COMMANDS, true), /Register-ArgumentCompleter/);
  });
});
