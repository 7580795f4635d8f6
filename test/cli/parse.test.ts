import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FlagSpecs, HelpAsked, UsageError } from '../../cli/flags.ts';
import { parse } from '../../cli/parse.ts';
import { readFlags } from '../../cli/read-flags.ts';
import { chooseSeed, seeded } from '../random.ts';

const SPECS = {
  rep_grp: { type: 'string', short: 'i' },
  search: { type: 'boolean', short: 'z' },
  internal: { type: 'boolean', short: 'y' },
  limit: { type: 'integer', short: 'l' },
} as const satisfies FlagSpecs;

const flagsOf = (...argv: string[]) => ({ ...parse(argv, SPECS).flags });
const refusal = (...argv: string[]) => {
  try {
    parse(argv, SPECS);
  } catch (thrown) {
    assert.ok(thrown instanceof UsageError);
    return thrown.message;
  }
  return assert.fail('it was accepted');
};

describe('parse', () => {
  it('takes every GNU form of a value', () => {
    for (const argv of [
      ['--rep_grp', 'x'],
      ['--rep_grp=x'],
      ['-i', 'x'],
      ['-ix'],
      ['-i=x'],
      ['--rep-grp', 'x'],
    ]) {
      assert.deepEqual(flagsOf(...argv), { repGrp: 'x' }, argv.join(' '));
    }
  });

  it('combines switches, the last letter with its value', () => {
    assert.deepEqual(flagsOf('-zi', 'name'), { search: true, repGrp: 'name' });
    assert.deepEqual(flagsOf('-zyiname'), { search: true, internal: true, repGrp: 'name' });
  });

  it('takes =true and =false for switches, and does not swallow the next word', () => {
    assert.deepEqual(flagsOf('--search=false', '-y=F'), { search: false, internal: false });
    assert.deepEqual(parse(['--search', 'false'], SPECS).positionals, ['false']);
    assert.match(refusal('--search=perhaps'), /--search is a switch/);
  });

  it('gives nothing for flags that were not given, so that the configuration counts', () => {
    assert.deepEqual(flagsOf(), {});
  });

  it('mixes flags and positionals, and ends flags at --', () => {
    const { flags, positionals } = parse(['a', '-z', 'b', '--', '-y', '--nonsense'], SPECS);
    assert.deepEqual({ ...flags }, { search: true });
    assert.deepEqual(positionals, ['a', 'b', '-y', '--nonsense']);
  });

  it('lets the last of a repeated flag win', () => {
    assert.deepEqual(flagsOf('-i', 'a', '--rep_grp', 'b', '-z', '-z=false'), { repGrp: 'b', search: false });
  });

  it('reads whole numbers in decimal, hexadecimal, octal and binary', () => {
    for (const [text, value] of [
      ['12', 12],
      ['-3', -3],
      ['0x1F', 31],
      ['0o17', 15],
      ['017', 15],
      ['0b101', 5],
    ] as const) {
      assert.deepEqual(flagsOf('--limit', text), { limit: value });
    }
    assert.equal(refusal('--limit', 'ten'), '--limit needs a whole number, not "ten"');
  });

  it('leaves values exactly as they are', () => {
    for (const value of [
      '',
      '"quoted"',
      "'a'",
      'a=b=c',
      '-x',
      '--',
      ' ',
      'a\nb',
      '=',
      '[{"cleanup":true}]',
      'true',
      '007',
    ]) {
      assert.deepEqual(flagsOf('--rep_grp', value), { repGrp: value }, JSON.stringify(value));
      assert.deepEqual(flagsOf(`--rep_grp=${value}`), { repGrp: value }, JSON.stringify(value));
    }
  });

  it('names the flag that was probably meant', () => {
    assert.equal(refusal('--rep_gpr', 'x'), 'unknown flag --rep_gpr; did you mean --rep_grp?');
    assert.equal(refusal('--misc'), 'unknown flag --misc');
    assert.equal(refusal('--quite_other'), 'unknown flag --quite_other');
    assert.equal(refusal('-zq'), 'unknown flag -q');
  });

  it('says which flag lacks its value', () => {
    assert.equal(refusal('--rep_grp'), '--rep_grp needs a value');
    assert.equal(refusal('-zi'), '-i needs a value');
  });

  it('asks for help with -h and --help, but not where they are values', () => {
    assert.throws(() => parse(['-z', '-h'], SPECS), HelpAsked);
    assert.throws(() => parse(['--help'], SPECS), HelpAsked);
    assert.deepEqual(flagsOf('-i', '-h'), { repGrp: '-h' });
  });

  it('knows the deployment on every command', () => {
    assert.deepEqual(flagsOf('--deployment=development'), { deployment: 'development' });
  });
});

describe('readFlags', () => {
  it('is the same as parse, whatever is on the command line', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
    const words = [
      '--rep_grp',
      '-i',
      '-ix',
      '--limit=3',
      '-l',
      '0x1F',
      '-zy',
      '-z=false',
      '--search',
      '--',
      'word',
      '"q"',
      '',
      '-',
      '--deployment=x',
      '-h',
      '--nope',
      '=',
      'a=b',
    ];
    const outcome = (read: typeof parse | typeof readFlags, argv: readonly string[]) => {
      try {
        const { flags, positionals } = read(argv, SPECS);
        return { flags: { ...flags }, positionals };
      } catch (thrown) {
        return thrown instanceof HelpAsked ? 'help' : (thrown as UsageError).message;
      }
    };
    for (let round = 0; round < 500; round += 1) {
      const argv = Array.from({ length: Math.floor(random() * 6) }, () => pick(words));
      assert.deepEqual(
        outcome(readFlags, argv),
        outcome(parse, argv),
        `seed ${seed}: ${JSON.stringify(argv)}`,
      );
    }
  });
});
