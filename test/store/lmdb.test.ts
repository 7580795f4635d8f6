import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { open } from 'lmdb';
import type { ErrorCode, WrError } from '../../core/errors.ts';
import { type KeyValueStore, u32Key, type Write } from '../../store/key-value.ts';
import { openLmdb, openLmdbReader } from '../../store/lmdb.ts';
import { STORE_FORMAT } from '../../store/lmdb-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'wr-lmdb-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const freshPath = (): string => join(directory, `db${files++}`);
const MODULE = new URL('../../store/lmdb.js', import.meta.url).href;

const put = (number: number, bytes: number): Write => ({
  table: 'records',
  key: u32Key(number),
  value: new Uint8Array(bytes),
});
const withCode = (code: ErrorCode) => (error: WrError) => error.code === code;

async function makeStore(path: string, jobs = 10): Promise<void> {
  const store = openLmdb(path);
  await store.commit(Array.from({ length: jobs }, (_, number) => put(number, 5_000)));
  await store.close();
}

/** Everything below the directory that a refusal must not have touched. */
function fingerprint(path: string): string {
  const { mode, size, mtimeMs } = statSync(path);
  return `${mode} ${size} ${mtimeMs} ${createHash('md5').update(readFileSync(path)).digest('hex')}`;
}

function assertRefused(path: string, code: ErrorCode): void {
  const before = fingerprint(path);
  for (const readOnly of [false, true]) {
    assert.throws(() => openLmdb(path, { readOnly }), withCode(code), `${path} ${readOnly}`);
    assert.equal(fingerprint(path), before);
  }
}

describe('opening', () => {
  it('creates a store that only its owner may read, and leaves nothing beside it but the lock', async () => {
    const path = freshPath();
    const umask = process.umask(0o000);
    try {
      await makeStore(path);
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${path}-lock`).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('.new')),
      [],
    );
  });

  it('finds what was committed before', async () => {
    const path = freshPath();
    await makeStore(path, 3);
    const store = openLmdb(path);
    assert.equal(store.count('records'), 3);
    await store.close();
  });

  it('refuses a store of a newer format', async () => {
    const path = freshPath();
    await makeStore(path);
    const store = openLmdb(path);
    await store.commit([
      { table: 'meta', key: new TextEncoder().encode('wr.format'), value: u32Key(STORE_FORMAT + 1) },
    ]);
    await store.close();
    assertRefused(path, 'STORE_NEWER');
  });

  it('refuses files that are no store of wr', async () => {
    const files: Record<string, string | Uint8Array> = {
      empty: '',
      text: 'The quick brown fox\n'.repeat(1_000),
      short: 'x',
      zeros: new Uint8Array(100_000),
    };
    for (const [name, content] of Object.entries(files)) {
      const path = join(directory, name);
      writeFileSync(path, content);
      assertRefused(path, 'STORE_FOREIGN');
    }
  });

  it('refuses an LMDB file without our mark, with or without tables of the same names', async () => {
    for (const table of ['meta', 'other']) {
      const path = freshPath();
      const root = open({ path, noSubdir: true, overlappingSync: false });
      await root.openDB({ name: table }).put('a', 1);
      await root.close();
      assertRefused(path, 'STORE_FOREIGN');
    }
  });

  it('refuses a directory and a pipe without waiting for it', () => {
    const path = freshPath();
    mkdirSync(path);
    assert.throws(() => openLmdb(path), withCode('STORE_UNREADABLE'));
    assert.deepEqual(readdirSync(path), []);
    const pipe = freshPath();
    execFileSync('mkfifo', [pipe]);
    assert.throws(() => openLmdb(pipe), withCode('STORE_UNREADABLE'));
  });

  it('refuses a store that was cut, wherever it was cut, and does not crash over it', async () => {
    const whole = freshPath();
    await makeStore(whole, 40);
    const { size } = statSync(whole);
    for (const cut of [100, 4_096, 5_000, 8_192, 20_480, size - 4_096, size - 1]) {
      const path = freshPath();
      copyFileSync(whole, path);
      truncateSync(path, cut);
      const expected = cut < 200 ? 'STORE_FOREIGN' : 'STORE_UNREADABLE';
      const before = fingerprint(path);
      assert.throws(() => openLmdb(path), withCode(expected), `cut to ${cut} of ${size}`);
      assert.equal(fingerprint(path), before);
    }
  });

  it('opens a store whose last pages were freed before they were written', async () => {
    const path = freshPath();
    const store = openLmdb(path);
    await store.commit([put(1, 50_000)]);
    await store.commit([
      put(2, 400_000),
      put(3, 400_000),
      put(4, 100),
      { table: 'records', key: u32Key(3), value: null },
    ]);
    await store.close();
    const header = readFileSync(path);
    const last = Math.max(...[0, 4_096].map((page) => Number(header.readBigUInt64LE(page + 24 + 120))));
    assert.ok(
      header.length < (last + 1) * 4_096,
      'the file is shorter than its highest page: the case is the right one',
    );
    const again = openLmdb(path);
    assert.deepEqual(
      [...again.range('records')].map(({ value }) => value.length),
      [50_000, 400_000, 100],
    );
    await again.commit([put(5, 900_000)]);
    assert.equal(again.count('records'), 4);
    await again.close();
  });

  it('refuses a store it may not write', async (context) => {
    const path = freshPath();
    await makeStore(path);
    const before = fingerprint(path);
    if (process.getuid?.() !== 0) {
      chmodSync(path, 0o400);
      assert.throws(() => openLmdb(path), withCode('STORE_UNREADABLE'));
      return;
    }
    const mount = mountOrSkip(context, ['--bind', directory]);
    if (mount === null) return;
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', mount]);
      assert.throws(() => openLmdb(join(mount, path.slice(directory.length))), withCode('STORE_UNREADABLE'));
    } finally {
      unmount(mount);
    }
    assert.equal(fingerprint(path), before);
  });

  it('makes do with little address space', () => {
    const script = `
      const { openLmdb } = await import(${JSON.stringify(MODULE)});
      const store = openLmdb(process.argv[1]);
      await store.commit([{ table: 'records', key: Uint8Array.of(1), value: new Uint8Array(10) }]);
      await store.close();`;
    const path = freshPath();
    const run = spawnSync('sh', [
      '-c',
      'ulimit -v 30000000 && exec "$0" "$@"',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      path,
    ]);
    assert.equal(run.status, 0, `${run.signal} ${run.stderr}`);
    assert.ok(statSync(path).size > 0);
  });

  it('says that it cannot create a store where there is no directory, and makes none', () => {
    const path = join(directory, 'no', 'such', 'db');
    assert.throws(() => openLmdb(path), withCode('STORE_FAILED'));
    assert.throws(() => openLmdb(path, { readOnly: true }), withCode('STORE_UNREADABLE'));
    assert.equal(existsSync(join(directory, 'no')), false);
  });
});

describe('durability', () => {
  it('survives a kill after each acknowledged commit', async () => {
    const path = freshPath();
    const script = `
      const { openLmdb } = await import(${JSON.stringify(MODULE)});
      const store = openLmdb(${JSON.stringify(path)});
      for (let number = 0; number < 200; number++) {
        const writes = [0, 1, 2].map((part) => ({ table: 'records', key: Uint8Array.of(number, part), value: new Uint8Array(900) }));
        const done = store.commit(writes);
        if (number === 150) { await new Promise((resolve) => setImmediate(resolve)); process.kill(process.pid, 'SIGKILL'); }
        await done;
      }`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    assert.equal(run.signal, 'SIGKILL', String(run.stderr));
    const store = openLmdb(path);
    const found = store.count('records');
    // The batch under way at the kill is there as a whole or not at all.
    assert.ok(found === 450 || found === 453, `${found}`);
    await store.close();
  });

  it('acknowledges after the flush of the pages and of the header', (context) => {
    if (spawnSync('strace', ['-V']).error !== undefined) return context.skip('strace is not installed');
    const path = freshPath();
    const trace = `${path}.trace`;
    const script = `
      const { openLmdb } = await import(${JSON.stringify(MODULE)});
      const { writeSync } = await import('node:fs');
      const store = openLmdb(${JSON.stringify(path)});
      for (let number = 0; number < 5; number++) {
        writeSync(2, 'ask');
        await store.commit([{ table: 'records', key: Uint8Array.of(number), value: new Uint8Array(900) }]);
        writeSync(2, 'told');
      }`;
    const calls = 'trace=openat,pwrite64,pwritev,fdatasync,write';
    const run = spawnSync('strace', [
      '-f',
      '-e',
      calls,
      '-o',
      trace,
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]);
    if (!existsSync(trace) || run.status !== 0) return context.skip('strace may not trace here');
    const lines = readFileSync(trace, 'utf8').split('\n');
    const header = lines
      .findLast((line) => line.includes(`${path}"`) && line.includes('O_DSYNC'))
      ?.match(/= (\d+)$/)?.[1];
    assert.notEqual(header, undefined, 'the header is written through a synchronous descriptor');
    let told = 0;
    let seen: string[] = [];
    for (const line of lines) {
      if (line.includes('"ask"')) seen = [];
      if (/fdatasync(\(\d+\)| resumed.*) += 0/.test(line)) seen.push('flush');
      if (line.includes(`pwrite64(${header}, `)) seen.push('header');
      if (!line.includes('"told"')) continue;
      told += 1;
      assert.deepEqual(seen, ['flush', 'header']);
    }
    assert.equal(told, 5);
  });

  it('keeps nothing of a batch for which the disk has no room, and goes on afterwards', async (context) => {
    const mount = mountOrSkip(context, ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs']);
    if (mount === null) return;
    let store: KeyValueStore | undefined;
    try {
      store = openLmdb(join(mount, 'db'));
      await store.commit([put(1, 100_000)]);
      const large = Array.from({ length: 60 }, (_, number) => put(100 + number, 100_000));
      // Both in one transaction at first: the small one must not suffer for the large one.
      const together = await Promise.allSettled([store.commit(large), store.commit([put(2, 1_000)])]);
      assert.equal(together[0].status === 'rejected' && together[0].reason.code, 'STORE_FULL');
      assert.equal(together[1].status, 'fulfilled');
      assert.equal(store.count('records'), 2);
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await assert.rejects(store.commit(large), withCode('STORE_FULL'));
      }
      await store.commit([put(3, 1_000), { table: 'records', key: u32Key(1), value: null }]);
      assert.deepEqual(
        [...store.range('records')].map(({ key }) => key[3]),
        [2, 3],
      );
      await assert.rejects(store.backup(join(mount, 'backup')), withCode('STORE_FULL'));
      assert.deepEqual(readdirSync(mount).sort(), ['db', 'db-lock']);
      execFileSync('mount', ['-o', 'remount,size=20m', mount]);
      await store.commit(large);
      assert.equal(store.count('records'), 62);
      await store.close();
      store = openLmdb(join(mount, 'db'));
      assert.equal(store.count('records'), 62);
    } finally {
      await store?.close();
      unmount(mount);
    }
  });
});

describe('threads', () => {
  it('shows worker threads of the process what is committed, once they refresh', async () => {
    const path = freshPath();
    const store = openLmdb(path);
    await store.commit([put(0, 50)]);
    const code = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(MODULE)}).then(({ openLmdbReader }) => {
        const reader = openLmdbReader(${JSON.stringify(path)});
        parentPort.on('message', (message) => {
          if (message === 'close') return reader.close().then(() => parentPort.close());
          reader.refresh();
          parentPort.postMessage([reader.count('records'), [...reader.range('records')].length]);
        });
      });`;
    const workers = [0, 1].map(() => new Worker(code, { eval: true }));
    const ask = async (worker: Worker): Promise<unknown> => {
      worker.postMessage('count');
      const [answer] = await once(worker, 'message');
      return answer;
    };
    try {
      for (let jobs = 1; jobs <= 60; jobs += 1) {
        for (const answer of await Promise.all(workers.map(ask))) assert.deepEqual(answer, [jobs, jobs]);
        await store.commit([put(jobs, jobs * 500)]);
      }
      // A reader that dies or leaves takes nothing with it.
      await workers[0]?.terminate();
      workers[1]?.postMessage('close');
      await once(workers[1] as Worker, 'exit');
      await store.commit([put(1_000, 10)]);
      assert.equal(store.count('records'), 62);
    } finally {
      for (const worker of workers) await worker.terminate();
      await store.close();
    }
  });

  it('reads a store that another reader of the same thread has closed', async () => {
    const path = freshPath();
    const store = openLmdb(path);
    const reader = openLmdbReader(path);
    await store.commit([put(1, 10)]);
    reader.refresh();
    assert.equal(reader.count('records'), 1);
    await reader.close();
    await store.commit([put(2, 10)]);
    assert.equal(store.count('records'), 2);
    await store.close();
  });
});

describe('backup', () => {
  it('is finished before the store is closed', async () => {
    const path = freshPath();
    const store = openLmdb(path);
    for (let number = 1; number <= 8; number += 1) await store.commit([put(number, 8 * 1024 * 1024)]);
    const copying = store.backup(`${path}.copy`);
    await store.close();
    await copying;
    const copy = openLmdb(`${path}.copy`, { readOnly: true });
    assert.equal(copy.count('records'), 8);
    await copy.close();
  });

  it('is a store of its own, private, made beside its place and moved there', async () => {
    const path = freshPath();
    const copy = `${path}.backup`;
    const store = openLmdb(path);
    await store.commit([put(1, 100_000)]);
    writeFileSync(copy, 'an older one, which is longer than nothing');
    const umask = process.umask(0o000);
    try {
      const backup = store.backup(copy);
      await store.commit([put(2, 100_000)]); // Does not wait for the copy.
      await backup;
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    const opened = openLmdb(copy);
    assert.ok([1, 2].includes(opened.count('records')));
    await opened.close();
    await store.close();
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('says so when it cannot be made, and touches nothing', async () => {
    const path = freshPath();
    const store = openLmdb(path);
    await assert.rejects(store.backup(join(directory, 'nowhere', 'backup')), withCode('STORE_FAILED'));
    await store.commit([put(1, 10)]);
    await store.close();
  });
});

function mountOrSkip(context: TestContext, args: readonly string[]): string | null {
  const place = freshPath();
  mkdirSync(place);
  const run = spawnSync('mount', [...args, place]);
  if (run.status === 0) return place;
  context.skip('mounting is not possible here');
  return null;
}

function unmount(place: string): void {
  const run = spawnSync('umount', [place]);
  // Something may have it open for a moment longer; it goes when that ends.
  if (run.status !== 0) spawnSync('umount', ['-l', place]);
}
