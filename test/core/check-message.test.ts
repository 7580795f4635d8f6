import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkEvent, checkRequest } from '../../core/check-message.ts';
import { decodeFrame, encodeFrame } from '../../core/codec.ts';
import { DEFAULT_JOB_OPTIONS, ZERO_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Request } from '../../core/protocol.ts';
import { makeEvents, makeMessages } from './messages-builder.ts';

type Raw = { readonly type: string } & Readonly<Record<string, unknown>>;

const MESSAGES = Object.values(makeMessages(5)) as unknown as readonly Raw[];
const EVENTS = Object.values(makeEvents(5)) as unknown as readonly Readonly<Record<string, unknown>>[];
/** A value of another type than each member has. */
const WRONG = { wrong: true };
const OPTIONAL = new Set(['env', 'dryRun', 'more', 'missingDeps', 'recentMs', 'birth', 'cwd']);
/** Events do not need these, ends do. */
const optionalIn = (kind: unknown, member: string): boolean =>
  OPTIONAL.has(member) && !(kind === 'ended' && member === 'cwd') && !(kind === 'status' && member === 'env');

const refuses = (message: object, ...words: string[]): void => {
  assert.throws(
    () => checkRequest(message as Request),
    (error: { code?: string; message: string }) =>
      error.code === 'BAD_PROTOCOL' && words.every((word) => error.message.includes(word)),
    `${JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))} with ${words}`,
  );
};

describe('a message', () => {
  for (const message of MESSAGES) {
    it(`is taken as it comes out of a frame: ${message.type}`, () => {
      const [decoded] = decodeFrame(encodeFrame(message));
      assert.equal(checkRequest(decoded as Raw), decoded);
    });

    it(`is refused by type and member when one is wrong: ${message.type}`, () => {
      for (const member of Object.keys(message)) {
        if (member === 'type') continue;
        refuses({ ...message, [member]: WRONG }, message.type, member);
        if (optionalIn(message.type, member)) continue;
        const { [member]: _, ...without } = message;
        refuses(without, message.type, member, 'missing');
      }
    });
  }

  it('is refused when nobody knows its type', () => {
    for (const type of ['', 'nothing', '__proto__', 'constructor', 'toString'])
      refuses({ type, id: 1 }, type);
  });

  it('may say more than is asked for', () => {
    checkRequest({ type: 'ping', id: 1, more: true } as Request);
  });
});

describe('an event of a report', () => {
  for (const event of EVENTS) {
    it(`is refused by its member: ${event.event}`, () => {
      assert.equal(checkEvent(event), event);
      for (const member of Object.keys(event)) {
        const bad = (value: unknown): object => ({ ...event, [member]: value });
        const namesIt = { code: 'BAD_PROTOCOL', message: new RegExp(`bad ${member}: `) };
        assert.throws(() => checkEvent(bad(WRONG)), namesIt);
        if (!optionalIn(event.event, member)) assert.throws(() => checkEvent(bad(undefined)), namesIt);
      }
    });
  }

  for (const [member, value] of [
    ['endedMs', 2n ** 60n],
    ['endedMs', 'x'],
    ['endedMs', 0],
    ['endedMs', 1e300],
    ['peakRamMb', Number.NaN],
    ['peakRamMb', -5],
    ['cpuMs', Number.POSITIVE_INFINITY],
    ['exitCode', 70_000],
    ['exitCode', 0.5],
    ['reason', 'whatever'],
    ['outcome', 'explode'],
    ['stdout', null],
    ['cwd', 7],
    ['attempt', -1],
  ] as const) {
    it(`is refused with ${member} ${String(value)}`, () => {
      const event = { ...makeEvents(5).ended, [member]: value };
      assert.throws(() => checkEvent(event), {
        code: 'BAD_PROTOCOL',
        message: new RegExp(`bad ${member}: `),
      });
    });
  }

  it('is refused when it is none', () => {
    for (const event of [null, 5, 'ended', [], new Uint8Array(3)])
      assert.throws(() => checkEvent(event), { code: 'BAD_PROTOCOL', message: /an event that is none/ });
  });
});

describe('options in a message', () => {
  const begin = makeMessages(5).addBegin;
  const bad: readonly [string, unknown][] = [
    ['memoryMb', -1],
    ['memoryMb', Number.NaN],
    ['retries', -5],
    ['retries', 1e6],
    ['priority', 9_999],
    ['timeMs', 1e300],
    ['cpus', Number.POSITIVE_INFINITY],
    ['override', 3],
    ['maxFails', -2],
    ['repGroup', 5],
    ['limitGroups', 'abc'],
    ['depGroups', [1]],
    ['env', ['NAME']],
    ['cmdDeps', [{ cmd: 'a' }]],
    ['onExit', [1, null]],
    ['onExit', [{ run: 5 }]],
    ['mounts', [{}]],
    ['resources', { gpu: 'x' }],
    ['resources', { gpu: 0 }],
    ['other', { a: {} }],
    ['cwd', 'a\0b'],
    ['newer', true],
  ];

  for (const [option, value] of bad) {
    it(`are refused by name: ${option} of ${JSON.stringify(value) ?? String(value)}`, () => {
      refuses(
        { ...begin, defaults: { ...DEFAULT_JOB_OPTIONS, [option]: value } },
        'addBegin',
        `defaults.${option}`,
      );
      const changes = { options: { [option]: value }, dropOther: [], cmd: null };
      refuses({ ...makeMessages(5).modify, changes }, 'modify', `changes.options.${option}`);
    });
  }

  it('are all needed by an add, and none by a modification', () => {
    for (const option of Object.keys(ZERO_JOB_OPTIONS)) {
      const { [option as 'cwd']: _, ...defaults } = DEFAULT_JOB_OPTIONS;
      refuses({ ...begin, defaults }, `defaults.${option}`, 'missing');
    }
    checkRequest({
      ...makeMessages(5).modify,
      changes: { options: {}, dropOther: [], cmd: null },
    } as Request);
  });
});

describe('a selector', () => {
  it('is refused unless it is one of the four', () => {
    const { retry } = makeMessages(5);
    for (const select of [
      undefined,
      null,
      {},
      { by: 'none' },
      { by: 'toString' },
      { by: 'repGroup', repGroup: 'a' },
      { by: 'keys', keys: new Uint8Array(5) },
      { by: 'keys', keys: 'abc' },
      { by: 'bsub', ids: [-1] },
      { by: 'bsub', ids: 5 },
    ])
      refuses({ ...retry, select }, 'retry', 'select');
    for (const select of [{ by: 'all' }, { by: 'bsub', ids: [] }, { by: 'keys', keys: new Uint8Array(0) }])
      checkRequest({ ...retry, select } as Request);
  });
});
