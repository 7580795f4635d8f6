import { after, before, describe } from 'node:test';
import type { TestCertificates } from './harness.ts';
import { makeTestCertificates, uwsSkipReason } from './harness.ts';
import { describeHttp } from './http-conformance.ts';
import { describeLife } from './life-conformance.ts';
import { describeWebsockets } from './websocket-conformance.ts';

const skipReason = { uws: await uwsSkipReason(), node: '' };

describe('every transport', { concurrency: 2 }, () => {
  let certificates: TestCertificates | undefined;
  const made = (): TestCertificates => {
    if (certificates === undefined) throw new Error('certificates are made before the tests');
    return certificates;
  };
  before(async () => {
    certificates = await makeTestCertificates();
  });
  after(() => certificates?.remove());

  for (const which of ['uws', 'node'] as const) {
    const reason = skipReason[which];
    const title = reason === '' ? which : `${which} (skipped: ${reason})`;
    describe(title, { skip: reason !== '', concurrency: 1 }, () => {
      describeWebsockets(which, made);
      describeHttp(which, made);
      describeLife(which, made);
    });
  }
});
