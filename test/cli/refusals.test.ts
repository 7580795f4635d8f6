/** Every command line that is refused before anybody is asked: one table of what was typed and what is said. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../cli/main.ts';
import { FakeLink, fakeContext, never } from './fake-link.ts';

/** What is typed behind `wr`, and what the message must hold: flag, value, accepted form. */
type Case = readonly [command: string, argv: readonly string[], ...said: readonly string[]];

const KEY = '0123456789abcdef0123456789abcdef';
const JSON_FORM = ['not valid JSON', 'it must be an array like ['];
const DURATION = 'numbers with units h, m, s or ms, like 90m or 1h30m';

const ADD: readonly Case[] = [
  ['add', ['--memory', '5'], '--memory value (5)', 'a unit, like 500M or 1.5G'],
  ['add', ['--memory=-5G'], '--memory value (-5G)', 'a unit, like 500M or 1.5G'],
  ['add', ['-m', '1X'], '--memory value (1X)', 'one of B, K, M, G, T, P and E'],
  ['add', ['-m', '17E'], '--memory value (17E)', 'not be more than 16E'],
  ['add', ['--time', '5'], '--time value (5)', DURATION],
  ['add', ['-t', '1d'], '--time value (1d)', DURATION],
  ['add', ['--time=-1h'], '--time value (-1h)', DURATION],
  ['add', ['--cpus', 'many'], '--cpus value (many)', 'a number of cores, like 1 or 0.5'],
  ['add', ['--cpus=-1'], '--cpus value (-1)', 'not be negative'],
  ['add', ['--cpus', ''], '--cpus value ()', 'a number of cores'],
  ['add', ['--disk', '1.5'], '--disk needs a whole number, not "1.5"'],
  ['add', ['--disk=-1'], '--disk value (-1)', 'range 0..2147483647'],
  ['add', ['--override', '3'], '--override value (3)', '0 or no, 1 or higher, 2 or always'],
  ['add', ['-o', 'maybe'], '--override value (maybe)', '0 or no, 1 or higher, 2 or always'],
  ['add', ['--priority', '256'], '--priority value (256)', 'range 0..255'],
  ['add', ['-p=-1'], '--priority value (-1)', 'range 0..255'],
  ['add', ['--retries', '999'], '--retries value (999)', 'range 0..255'],
  ['add', ['-r', 'all'], '--retries needs a whole number, not "all"'],
  ['add', ['-n', '5'], '--no_retry_over_walltime value (5)', DURATION],
  ['add', ['--cmd_deps', 'a'], '--cmd_deps value (a)', 'pairs: cmd1,cwd1,cmd2,cwd2'],
  ['add', ['--cmd_deps', 'a,b,c'], '--cmd_deps value (a,b,c)', 'pairs: cmd1,cwd1,cmd2,cwd2'],
  ['add', ['--cmd_deps', ','], '--cmd_deps value (,)', 'a command in it is blank'],
  [
    'add',
    ['--with_docker', 'a', '--with_singularity', 'b'],
    '--with_docker and --with_singularity',
    'mutually',
  ],
  ['add', ['--with_docker', 'img'], '--with_docker (img) cannot be used yet: nothing was added'],
  ['add', ['--with_singularity', 'img'], '--with_singularity (img) cannot be used yet: nothing was added'],
  ['add', ['--container_mounts', '/a'], '--container_mounts (/a) cannot be used yet'],
  [
    'add',
    ['--container_mounts', '/a:/b:ro'],
    '--container_mounts value (/a:/b:ro)',
    '/outside or /outside:/inside',
  ],
  ['add', ['--container_image_user'], '--container_image_user (true) cannot be used yet'],
  ['add', ['--monitor_docker', '?'], '--monitor_docker (?) cannot be used yet'],
  ['add', ['--on_failure', 'x'], '--on_failure value (x)', ...JSON_FORM],
  ['add', ['--on_success', '{'], '--on_success value ({)', ...JSON_FORM],
  ['add', ['--on_exit', '{"run":"x"}'], '--on_exit value ({"run":"x"}) must be an array, not an object'],
  [
    'add',
    ['--on_exit', '[{"rum":"x"}]'],
    '--on_exit value ([{"rum":"x"}])',
    'rum is none of its members, which are run',
  ],
  ['add', ['--on_exit', '[{"run":3}]'], '--on_exit: run value (3) must be a string, not a number'],
  ['add', ['--mount_json', 'x'], '--mount_json value (x)', ...JSON_FORM],
  ['add', ['--mounts', 'x'], '--mounts value (x)', '[c|u][r|w]:[profile@]bucket[/path]'],
  ['add', ['--mounts', 'uw:a,cw:b'], '--mounts value (uw:a,cw:b)', 'only one entry may be writable'],
  ['add', ['--mounts', 'ur:a', '-j', '[{}]'], '--mount_json and --mounts are mutually exclusive'],
  ['add', ['--mounts', 'ur:bucket'], '--mounts (ur:bucket) cannot be used yet'],
  ['add', ['--mount_json', '[{"Targets":[]}]'], '--mount_json ([{"Targets":[]}]) cannot be used yet'],
  ['add', ['--cloud_script', '/no/such'], '--cloud_script value (/no/such)', 'could not be read'],
  ['add', ['--cloud_ram=-1'], '--cloud_ram value (-1)', 'range 0..'],
  ['add', ['--env', 'NAME'], '--env value (NAME)', 'use NAME=$NAME'],
  ['add', ['--env', 'A=1,'], '--env value ()', 'NAME=value'],
  ['add', ['--env', '=1'], '--env value (=1)', 'NAME=value'],
  ['add', ['--head=-1'], '--head value (-1) must not be negative', '0 is all'],
  ['add', ['--reserve_timeout=-1'], '--reserve_timeout value (-1)', 'range 0..'],
  ['add', ['--limit_grps', ':3'], '--limit_grps value (:3)', 'name or name:n'],
  ['add', ['-l', 'a:-2'], '--limit_grps value (a:-2)', 'a whole number, 0 for none, -1 for any number'],
  ['add', ['-l', 'a~b'], '--limit_grps value (a~b)', 'no comma, no ~'],
  ['add', ['--resources', 'gpu'], '--resources value (gpu)', 'name:n'],
  ['add', ['--resources', 'gpu:x'], '--resources value (gpu:x)', 'n from 0 to 65535'],
  ['add', ['--resources', 'gpu:1,gpu:2'], '--resources value (gpu:2)', 'named twice'],
  ['add', ['--max_fails', '0'], '--max_fails value (0)', '1 to 1000000, or -1 for no limit'],
  ['add', ['--timeout', '0'], '--timeout value (0)', 'a whole number of seconds, 1 or more'],
  ['add', ['--timeout=-1'], '--timeout value (-1)', 'a whole number of seconds, 1 or more'],
  ['add', ['-f', ''], '--file is empty', 'name a file, or - for STDIN'],
  ['add', ['-f', '/no/such'], '/no/such does not exist', 'check the path'],
  ['add', ['-f', '/'], '/ is a directory', 'name a file'],
  ['add', ['--output', 'json'], '--output goes with --dry_run'],
  ['add', ['--limit', '3'], '--limit goes with --dry_run'],
  ['add', ['--dry_run', '--sync'], '--dry_run adds nothing'],
  ['add', ['--dry_run', '--output', 'xml'], '--output must be one of table, details, json', '"xml"'],
  ['add', ['--sync=perhaps'], '--sync is a switch: it takes =true or =false, not "perhaps"'],
];

const ARRAYS: readonly Case[] = [
  ['add', ['--array', '', 'x {}'], '--array value ()', 'at least one index', '1-1000, 1-100:2 or 1,5,9-12'],
  [
    'add',
    ['--array', '5-1', 'x {}'],
    '--array value (5-1)',
    'ends below where it begins, and so has no index',
  ],
  ['add', ['--array', '1-10:0', 'x {}'], '--array value (1-10:0)', 'the step of 1-10:0 must be at least 1'],
  ['add', ['--array', '1-100000000', 'x {}'], '--array value (1-100000000)', 'at most 10000000 commands'],
  ['add', ['--array', '1-6000000,1-6000000', 'x'], 'at most 10000000 commands'],
  [
    'add',
    ['--array', '99999999999', 'x {}'],
    '--array value (99999999999)',
    'an index is at most 2147483647',
  ],
  ['add', ['--array', 'some', 'x {}'], '--array value (some)', '1-1000, 1-100:2 or 1,5,9-12'],
  ['add', ['--array=-1', 'x {}'], '--array value (-1)', '1-1000, 1-100:2 or 1,5,9-12'],
  ['add', ['--array', '1-10%4', 'x {}'], '--array value (1-10%4)', 'use a limit group'],
  [
    'add',
    ['--array', '1-10'],
    "--array needs its command as one quoted argument: wr add --array 1-10 'cmd {}'",
  ],
  ['add', ['--array', '1-10', 'sort', '{}'], '--array needs its command as one quoted argument'],
  ['add', ['--array', '1-10', '-f', 'x', 'cmd'], '--array and --file are mutually exclusive'],
  ['add', ['--array', '1-10', '--sync', 'cmd'], '--sync waits for one command'],
];

/** What all commands that select have in common, for each of them. */
const SELECTING: readonly Case[] = ['status', 'kill', 'retry', 'remove', 'suspend', 'resume', 'wait'].flatMap(
  (name): Case[] => [
    [name, ['-i', 'a', '-l', 'b'], '-f, -i', 'mutually exclusive'],
    [name, ['-f', 'a', '-l', 'b'], '-f, -i', 'mutually exclusive'],
    [name, ['-f', 'a', '-i', 'b'], '-f, -i', 'mutually exclusive'],
    [
      name,
      ['-z'],
      name === 'status' || name === 'wait' ? '-z and -y need -i' : 'one of -f, -i, -l or -a is required',
    ],
    [name, ['-l', 'x', '-y'], '-z and -y need -i'],
    [name, ['-i', ''], '--identifier is empty', 'name a report group'],
    [name, ['-zi', ''], '--identifier is empty', 'name a report group'],
    [name, ['-l', ''], '--cmdline is empty'],
    [name, ['-i', 'a', '-c', '/x'], '--cwd goes with -l or -f'],
    [name, ['-i', 'a', '--mounts', 'ur:b'], '--mounts goes with -l or -f'],
    [name, ['-i', 'a', '--with_docker', 'b'], '--with_docker goes with -l or -f'],
    [
      name,
      ['-l', 'a', '--container_mounts', '/b'],
      '--container_mounts needs --with_docker or --with_singularity',
    ],
    [name, ['-l', 'a', '--with_docker', 'b', '--with_singularity', 'c'], 'mutually exclusive'],
    [name, ['-i'], '-i needs a value'],
    [name, ['--nonsense'], 'unknown flag --nonsense'],
    ...(name === 'wait'
      ? []
      : ([
          [
            name,
            ['-i', 'a', '--timeout', '0'],
            '--timeout value (0)',
            'a whole number of seconds, 1 or more',
          ],
          [name, ['-i', 'a', '--timeout', 'x'], '--timeout needs a whole number, not "x"'],
        ] as const)),
  ],
);
const NEEDING: readonly Case[] = ['kill', 'retry', 'remove', 'suspend', 'resume'].flatMap((name): Case[] => [
  [name, [], 'one of -f, -i, -l or -a is required'],
  [name, ['-a', '-i', 'x'], '-f, -i, -l and -a are mutually exclusive'],
  [name, ['-a', '-c', '/x'], '--cwd goes with -l or -f'],
]);
/** Refused with a connection at hand, but without asking anything. */
const CONNECTED: readonly Case[] = ['status', 'kill', 'retry', 'remove', 'suspend', 'resume', 'wait'].flatMap(
  (name): Case[] => [
    [name, ['-y', '-i', 'xyz'], '"xyz" is no internal id: one has 32 hex digits'],
    [name, ['-f', '/no/such'], '/no/such does not exist'],
    [name, ['-l', 'a', '--mounts', 'x'], '--mounts value (x)', '[c|u][r|w]:[profile@]bucket[/path]'],
    [name, ['-l', 'a', '--mount_json', 'x'], '--mount_json value (x)', ...JSON_FORM],
  ],
);

const STATUS: readonly Case[] = [
  ['status', ['-a'], 'unknown flag -a'],
  ['status', ['-o', 'cou'], '--output must be one of counts, summary, details, json, plain, table', '"cou"'],
  ['status', ['-o', ''], '--output must be one of', '""'],
  ['status', ['--limit=-1'], '--limit value (-1) must not be negative', '0 is all'],
  ['status', ['--limit', 'ten'], '--limit needs a whole number, not "ten"'],
  ['status', ['-b', '-l', 'x'], 'not with -f, -l or -y'],
  ['status', ['--pending', '-f', 'x'], 'not with -f, -l or -y'],
  ['status', ['--missing_deps', '-y', '-i', KEY], 'not with -f, -l or -y'],
  ['status', ['--recent', '0'], '--recent value (0) must be more than nothing, like 36h, 1.5d or 2w'],
  [
    'status',
    ['--recent', '5'],
    '--recent value (5)',
    'like 36h or 1h30m, or one number of d or w, like 1.5d or 2w',
  ],
  ['status', ['--recent', ''], '--recent value ()', 'like 1.5d or 2w'],
  ['status', ['--recent=-1h'], '--recent value (-1h)', 'like 1.5d or 2w'],
  ['status', ['--recent', '1d12h'], '--recent value (1d12h)', 'like 1.5d or 2w'],
  [
    'status',
    ['--recent', '1d', '-i', 'x'],
    '--recent goes over all report groups',
    'not with -f, -i, -l or a state',
  ],
  ['status', ['--recent', '1d', '-b'], 'not with -f, -i, -l or a state'],
  ['status', ['--interval', '5s'], '--interval goes with --watch'],
  ['status', ['-w', '--interval', 'x'], '--interval value (x)', DURATION],
  ['status', ['-w', '--interval', '1ms'], '--interval must be 100ms or more, not "1ms"'],
  ['status', ['-w', '-b'], '--watch', 'not with --buried'],
  ['status', ['-w', '-o', 'json'], '--watch shows counts: not with --output json'],
];

const CHANGING: readonly Case[] = [
  ['kill', ['-a', '--age', 'x'], '--age value (x)', DURATION],
  ['kill', ['-a', '--age', '5'], '--age value (5)', DURATION],
  ['kill', ['-a', '--age=-5s'], '--age value (-5s)', DURATION],
  ['retry', ['-a', '-b'], 'unknown flag -b'],
  ['mod', ['-m', '1G'], 'one of -i or -a is required'],
  ['mod', ['-a'], 'name what is to change'],
  ['mod', ['-a', '-i', 'x', '-m', '1G'], '-i and -a are mutually exclusive'],
  ['mod', ['-a', '--cmdline', 'x'], '--cmdline changes one command'],
  ['mod', ['-a', '-z', '-m', '1G'], '-z and -y need -i'],
  ['mod', ['-zi', '', '-m', '1G'], '--identifier is empty'],
  ['mod', ['-a', '-m', '5'], '--memory value (5)', 'a unit, like 500M or 1.5G'],
  ['mod', ['-a', '-p', '300'], '--priority value (300)', 'range 0..255'],
  ['mod', ['-a', '--cmd_deps', ''], '--cmd_deps value ()', 'cmd1,cwd1,cmd2,cwd2'],
  ['mod', ['-a', '--env', 'A'], '--env value (A)', 'use A=$A'],
  ['mod', ['-a', '--on_exit', 'x'], '--on_exit value (x)', ...JSON_FORM],
  ['mod', ['-a', '--with_docker', 'img'], '--with_docker (img) cannot be used yet: nothing was changed'],
  ['mod', ['-a', '-m', '1G', '--timeout', '0'], '--timeout value (0)', '1 or more'],
  ...['cwd_matters', 'change_home', 'cloud_shared', 'container_image_user'].map(
    (name): Case => [
      'mod',
      ['-a', `--${name}`, `--unset_${name}`],
      `--${name} and --unset_${name} are mutually`,
    ],
  ),
  ...['rep_grp', 'dep_grps', 'misc', 'no_retry_over_walltime'].map(
    (name): Case => [
      'mod',
      ['-a', `--${name}`, 'x'],
      `--${name} cannot be changed of a command that was added`,
    ],
  ),
  ...['reserve_timeout', 'max_fails'].map(
    (name): Case => ['mod', ['-a', `--${name}`, '3'], `--${name} cannot be changed`],
  ),
  ['mod', ['-a', '--bsub'], '--bsub cannot be changed'],
];

const OTHERS: readonly Case[] = [
  ['limit', ['foo'], '"foo" is not understood; name a limit group with --group'],
  ['limit', ['-g', ''], '--group value ()', 'name or name:n'],
  ['limit', ['-g', ':3'], '--group value (:3)', 'name or name:n'],
  ['limit', ['-g', 'a:x'], '--group value (a:x)', 'a whole number, 0 for none, -1 for any number'],
  ['limit', ['-g', 'a:1.5'], '--group value (a:1.5)', 'a whole number, 0 for none, -1 for any number'],
  ['limit', ['-g', 'a:-2'], '--group value (a:-2)', '-1 for any number'],
  ['limit', ['-g', 'a:99999999999999999999'], '--group value (a:99999999999999999999)', 'at most'],
  ['limit', ['-g', 'a,b:3'], '--group value (a,b:3)', 'no comma'],
  ['limit', ['-g', '25:00:00<time'], '--group value (25:00:00<time)', 'from 00:00:00 to 23:59:59'],
  ['explain', [], 'name a command: by its id, or by its command line with -l'],
  ['explain', ['zz'], '"zz" is no internal id: one has 32 hex digits'],
  ['explain', ['-l', 'x', KEY], 'ids and -l are mutually exclusive'],
  ['explain', ['-c', '/x', KEY], '-c goes with -l'],
  ['explain', ['-o', 'xml', KEY], '--output must be text or json, not "xml"'],
  ['explain', ['--timeout', '0', KEY], '--timeout value (0)', '1 or more'],
  ['wait', ['--timeout', 'soon'], '--timeout value (soon)', 'like 90 or 1h30m'],
  ['wait', ['--timeout', '0'], '--timeout value (0) must be more than nothing'],
  ['lsf bsub', ['true'], 'bsub takes the command on STDIN, not as arguments'],
  ['lsf bsub', ['-J', 'x'], 'unknown flag -J'],
  ['lsf bjobs', ['x'], '"x" is no job id: one is a whole number, as bsub prints it'],
  ['lsf bjobs', ['-o', 'nope'], "unsupported field 'nope'", 'JOBID USER STAT QUEUE'],
  ['lsf bjobs', ['-o', ''], '-o names no field', 'JOBID USER STAT QUEUE'],
  ['lsf bkill', [], 'job ID must be specified'],
  ...['x', '0', '1.5', '99999999999'].map((id): Case => ['lsf bkill', [id], `"${id}" is no job id`]),
  ['manager start', ['--max_cores', 'x'], '--max_cores needs a whole number, not "x"'],
  ['manager start', ['--max_cores=-2'], '--max_cores value (-2) must be -1, which is no limit, or more'],
  ['manager start', ['--max_ram=-2'], '--max_ram value (-2) must be -1, which is no limit, or more'],
  ['manager start', ['-s', 'magic'], '--scheduler must be one of local, none', '"magic"'],
  ['manager start', ['-s', 'lsf'], 'the scheduler lsf is not supported yet; local and none are'],
  ['manager start', ['--resources', 'gpu'], '--resources value (gpu)', 'name:n'],
  ['manager start', ['--timeout', '0'], '--timeout value (0)', 'a whole number of seconds, 1 or more'],
  [
    'manager start',
    ['--local_username', 'a'.repeat(19)],
    `--local_username value (${'a'.repeat(19)})`,
    'at most 18',
  ],
  ['manager start', ['--cloud_script', '/no/such'], 'the script /no/such does not exist'],
  ['manager start', ['--set_domain_ip'], '--set_domain_ip is not supported yet'],
  ['manager backup', [], '--path is required'],
  [
    'manager backup',
    ['-p', '/no/such/file'],
    '--path value (/no/such/file)',
    'there is no directory /no/such',
  ],
  ['manager backup', ['-p', '/'], '--path value (/) is a directory', 'name a file in it'],
  ['runner', ['--server', 'here'], '--server needs host:port, not "here"'],
  ['mount', ['--mounts', 'ur:b'], '"wr mount" is not supported yet'],
  ['mount', ['--nonsense'], 'unknown flag --nonsense'],
  ['cloud deploy', [], '"wr cloud deploy" is not supported yet'],
  ['cloud teardown', ['--nonsense'], 'unknown flag --nonsense'],
  ['cloud servers', ['--confirmdead'], 'is not supported yet'],
  ['k8s deploy', [], '"wr k8s deploy" is not supported yet'],
  ['k8s teardown', ['-f'], '"wr k8s teardown" is not supported yet'],
  ['help', ['nothing'], 'unknown command "nothing"'],
  ['statsu', [], 'unknown command "statsu"; did you mean status?'],
];

async function typed(command: string, argv: readonly string[]) {
  const link = new FakeLink(() => never());
  let connected = false;
  const context = fakeContext(
    () => {
      connected = true;
      return link;
    },
    { cwd: '/' },
  );
  const code = await main('wr', [...command.split(' '), ...argv], context);
  return { code, stdout: context.stdout(), stderr: context.stderr(), asked: link.asked, connected };
}

function refuses(cases: readonly Case[], mayConnect = false): () => Promise<void> {
  return async () => {
    for (const [command, argv, ...said] of cases) {
      const line = `wr ${[command, ...argv.map((word) => JSON.stringify(word))].join(' ')}`;
      const { code, stdout, stderr, asked, connected } = await typed(command, argv);
      assert.equal(code, 1, line);
      assert.equal(stdout, '', line);
      assert.deepEqual(asked, [], line);
      assert.ok(mayConnect || !connected, `${line} connected`);
      const [first = ''] = stderr.split('\n');
      assert.match(first, /^ERROR\[/, line);
      for (const part of said) assert.ok(first.includes(part), `${line} does not say: ${part}\n${first}`);
      // What to do about it: behind the dash, or below, how the command is called.
      assert.ok(/ — \S/.test(first) || /^See (wr )?--help/m.test(stderr), `${line}\n${stderr}`);
    }
  };
}

describe('a command line that makes no sense is refused, naming flag, value and accepted form', () => {
  it('of wr add', refuses(ADD));
  it('of arrays', refuses(ARRAYS));
  it('of every command that selects', refuses([...SELECTING, ...NEEDING]));
  it('of every command that selects, by what is named', refuses(CONNECTED, true));
  it('of wr status', refuses(STATUS, true));
  it('of what changes commands', refuses(CHANGING));
  it('of all others', refuses(OTHERS));
});

describe('words that mean nothing where they stand', () => {
  it('are warned of', async () => {
    for (const [command, argv] of [
      ['status', ['one', '-f', '/no/such']],
      ['kill', ['one', '-f', '/no/such']],
      ['mod', ['one', '-y', '-i', 'xyz', '-p', '1']],
      ['wait', ['one', '-f', '/no/such']],
    ] as const) {
      const { stderr } = await typed(command, argv);
      assert.match(stderr, /^WARN\[.*\] "one" is ignored: name commands with -i/, command);
    }
    const { stderr } = await typed('add', ['sleep', '5', '-f', '/no/such']);
    assert.match(stderr, /^WARN\[.*\] "sleep 5" is ignored: commands come from STDIN or a file \(-f\)/);
  });
});
