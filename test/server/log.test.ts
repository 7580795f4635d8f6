import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Fields, type LogOptions, openLog, Repeats, startMarker } from '../../server/log.ts';

const directory = mkdtempSync(join(tmpdir(), 'wr-log-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

interface Case {
  readonly options: LogOptions;
  readonly clock: { nowMs: number };
  readonly folder: string;
  text(): string;
}

function makeCase(changes: Partial<LogOptions> = {}): Case {
  const folder = join(directory, `${files++}`);
  mkdirSync(folder);
  const clock = { nowMs: Date.UTC(2024, 4, 1, 10, 11, 12, 345) };
  const path = join(folder, 'log');
  const options = {
    path,
    level: 'debug',
    stderr: false,
    maxSizeMb: 500,
    maxBackups: 3,
    maxAgeDays: 28,
    compress: true,
    nowMs: () => clock.nowMs,
    ...changes,
  } as const;
  return { options, clock, folder, text: () => readFileSync(path, 'utf8') };
}

describe('log lines', () => {
  it('are one event each, with time, level and message', async () => {
    const { options, text } = makeCase();
    const log = openLog(options);
    log.info('recovered prior state', { jobs: 46, ms: 2.5, ok: true, nothing: undefined });
    log.info('ready');
    await log.close();
    const [first, second, end] = text().split('\n');
    assert.match(
      first ?? '',
      /^t=2024-0\d-\d\dT\d\d:\d\d:12[+-]\d{4} lvl=info msg="recovered prior state" jobs=46 ms=2.5 ok=true$/,
    );
    assert.match(second ?? '', /lvl=info msg=ready$/);
    assert.equal(end, '');
  });

  it('show the time of the place, with its offset', () => {
    const script = `
      const { openLog } = await import(${JSON.stringify(new URL('../../server/log.js', import.meta.url).href)});
      const log = openLog({ ...JSON.parse(process.argv[1]), nowMs: () => ${Date.UTC(2024, 0, 1, 2, 3, 4)} });
      log.info('now');
      await log.close();`;
    for (const [zone, expected] of [
      ['UTC', '2024-01-01T02:03:04+0000'],
      ['America/St_Johns', '2023-12-31T22:33:04-0330'],
      ['Asia/Tokyo', '2024-01-01T11:03:04+0900'],
    ]) {
      const { options, text } = makeCase();
      const run = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', script, JSON.stringify(options)],
        { env: { ...process.env, TZ: zone } },
      );
      assert.equal(run.status, 0, String(run.stderr));
      assert.equal(text(), `t=${expected} lvl=info msg=now\n`);
    }
  });

  it('quote what could be taken for something else, and stay one line', async () => {
    const { options, text } = makeCase();
    const log = openLog(options);
    log.info('a "quoted"\nmessage', {
      cmd: 'echo a=b | cat',
      empty: '',
      odd: '\u001b[31m',
      plain: '/tmp/x-1.log',
    });
    await log.close();
    assert.ok(
      text().endsWith(
        ' msg="a \\"quoted\\"\\nmessage" cmd="echo a=b | cat" empty="" odd="\\u001b[31m" plain=/tmp/x-1.log\n',
      ),
    );
  });

  it('cut long commands, name the caller from warn on, and give a stack when it is critical', async () => {
    const { options, text } = makeCase();
    const log = openLog(options);
    log.warn('slow', { cmd: 'x'.repeat(5_000) });
    log.error('failed');
    log.debug('detail');
    log.crit('the end');
    await log.close();
    const [warn, error, debug, crit] = text().split('\n') as [string, string, string, string];
    assert.ok(warn.length < 1_300 && warn.includes('x…'));
    for (const line of [warn, error, debug]) assert.match(line, / caller=log\.test\.[jt]s:\d+$/);
    assert.match(error, / lvl=eror /);
    assert.match(debug, / lvl=dbug /);
    assert.match(crit, / lvl=crit msg="the end" stack=".*log\.test\.[jt]s/);
  });

  it('are left out below the level', async () => {
    const { options, text } = makeCase({ level: 'warn' });
    const log = openLog(options);
    log.debug('no');
    log.info('no');
    log.warn('yes');
    await log.close();
    assert.equal(text().split('\n').length, 2);
  });

  it('are on disk at once when they tell of an error, and with the turn otherwise', async () => {
    const { options, text } = makeCase();
    const log = openLog(options);
    log.info('first');
    assert.equal(text(), '');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.match(text(), /msg=first\n$/);
    log.info('second');
    log.error('third');
    assert.match(text(), /msg=second\n.*msg=third caller=.*\n$/);
    await log.close();
  });

  it('go on after those of earlier runs', async () => {
    const { options, text } = makeCase();
    for (const message of ['one', 'two']) {
      const log = openLog(options);
      log.info(message);
      await log.close();
    }
    assert.match(text(), /msg=one\n.*msg=two\n$/);
  });

  it('mark the start as those who look for errors expect it', () => {
    assert.equal(startMarker('0.1.0', '1.2.3.4:5'), 'wr manager 0.1.0 started on 1.2.3.4:5');
  });
});

describe('a full or missing disk', () => {
  it('loses lines, never the manager, and says how many afterwards', async () => {
    const { options, folder, text } = makeCase({ path: join(directory, 'later', 'log') });
    const log = openLog(options);
    log.error('lost');
    log.info('lost too');
    log.flush();
    mkdirSync(join(directory, 'later'));
    log.info('kept');
    await log.close();
    assert.equal(readdirSync(folder).length, 0);
    const lines = readFileSync(options.path, 'utf8').trim().split('\n');
    assert.match(lines[0] ?? '', /lvl=eror msg="lines of this log could not be written" lines=2$/);
    assert.match(lines[1] ?? '', /msg=kept$/);
    void text;
  });

  it('is survived on /dev/full', async () => {
    const { options } = makeCase({ path: '/dev/full', maxSizeMb: 0 });
    const log = openLog(options);
    assert.doesNotThrow(() => {
      for (let count = 0; count < 3; count += 1) log.error('lost');
      log.flush();
    });
    await assert.doesNotReject(log.close());
    assert.ok(statSync('/dev/full').isCharacterDevice(), 'it is no file to rotate');
  });
});

describe('rotation', () => {
  const line = { filler: 'x'.repeat(900) };

  it('starts a new file before the size is passed, and compresses and keeps the last ones', async () => {
    const { options, clock, folder } = makeCase({ maxSizeMb: 0.01, maxBackups: 2 });
    const log = openLog(options);
    for (let count = 0; count < 45; count += 1) {
      clock.nowMs += 1_000;
      log.info(`n${count}`, line);
      log.flush();
    }
    await log.close();
    const names = readdirSync(folder).sort();
    assert.equal(names.length, 3, `${names}`);
    assert.equal(names[0], 'log');
    const text = names.slice(1).map((name) => {
      assert.match(name, /^log-2024-05-01T10-11-\d\d\.345\.gz$/);
      return gunzipSync(readFileSync(join(folder, name))).toString();
    });
    const numbers = [...text, readFileSync(options.path, 'utf8')].join('').match(/msg=n\d+/g) ?? [];
    const last = numbers.map((found) => Number(found.slice(5)));
    // None is missing between the oldest kept and the last.
    assert.deepEqual(
      last,
      Array.from({ length: last.length }, (_, index) => 45 - last.length + index),
    );
    assert.ok(last.length >= 20);
    for (const name of names) assert.ok(readFileSync(join(folder, name)).length <= 0.01 * 1024 * 1024);
  });

  it('removes by age, leaves uncompressed where told so, and other files alone', async () => {
    const { options, clock, folder } = makeCase({
      maxSizeMb: 0.001,
      maxBackups: 0,
      maxAgeDays: 2,
      compress: false,
    });
    for (const name of [
      'log-2024-04-20T10-11-12.345',
      'log-2024-04-20T10-11-12.345.gz',
      'log-old',
      'log-2024-04-20',
      'other',
    ]) {
      writeFileSync(join(folder, name), 'x');
    }
    const log = openLog(options);
    for (let count = 0; count < 3; count += 1) {
      clock.nowMs += 1_000;
      log.info('x', line);
      log.flush();
    }
    await log.close();
    assert.deepEqual(readdirSync(folder).sort(), [
      'log',
      'log-2024-04-20',
      'log-2024-05-01T10-11-14.345',
      'log-2024-05-01T10-11-15.345',
      'log-old',
      'other',
    ]);
  });
});

describe('repeated events', () => {
  it('are told once in full, then once a minute with count, longest and latest', () => {
    const lines: [string, Fields][] = [];
    const note = (message: string, fields: Fields = {}): void => void lines.push([message, fields]);
    const log = { debug: note, info: note, warn: note, error: note, crit: note };
    let nowMs = 0;
    const repeats = new Repeats(log, 'warn', () => nowMs);
    repeats.note('slow', 'a slow request', { type: 'add' }, 11_000);
    for (; nowMs < 60_000; nowMs += 1_000)
      repeats.note('slow', 'a slow request', { type: `t${nowMs}` }, nowMs);
    repeats.note('other', 'another thing');
    assert.deepEqual(lines, [
      ['a slow request', { type: 'add' }],
      ['another thing', {}],
    ]);
    repeats.tick();
    assert.deepEqual(lines[2], [
      'a slow request (repeated)',
      { type: 't59000', count: 60, longestMs: 59_000 },
    ]);
    nowMs = 119_000;
    repeats.note('slow', 'a slow request', { type: 'late' });
    nowMs = 120_000;
    repeats.tick();
    assert.deepEqual(lines.slice(3), [['a slow request (repeated)', { type: 'late', count: 1 }]]);
    nowMs = 200_000;
    repeats.tick();
    repeats.note('slow', 'a slow request', { type: 'news' });
    assert.deepEqual(lines.slice(4), [['a slow request', { type: 'news' }]]);
  });
});
