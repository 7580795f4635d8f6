import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer } from 'node:tls';
import { promisify } from 'node:util';
import { WrError } from '../../core/errors.ts';
import type { CertificateRequest } from '../../server/certificates.ts';
import {
  CERTIFICATE_LIFE_MS,
  checkCertificates,
  checkDomain,
  ensureCertificates,
} from '../../server/certificates.ts';

const run = promisify(execFile);
const NOW_MS = Date.now();

function request(directory: string): CertificateRequest {
  return {
    caFile: join(directory, 'ca.pem'),
    certFile: join(directory, 'cert.pem'),
    keyFile: join(directory, 'key.pem'),
    domain: 'wr.example',
    ips: ['0.0.0.0', '127.0.0.1'],
    nowMs: NOW_MS,
  };
}

function badCertificate(file: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof WrError);
    assert.equal(error.code, 'BAD_CERTIFICATE');
    assert.ok(error.message.includes(file), error.message);
    assert.match(error.message, text);
    return true;
  };
}

describe('certificates', () => {
  let made: CertificateRequest;
  let other: CertificateRequest;
  const directories: string[] = [];

  async function freshDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'wr-certificates-'));
    directories.push(directory);
    return directory;
  }

  /** A directory with a copy of the files, to be spoiled. */
  async function copy(): Promise<CertificateRequest> {
    const to = request(await freshDirectory());
    for (const file of ['caFile', 'certFile', 'keyFile'] as const) {
      await writeFile(to[file], await readFile(made[file]));
    }
    return to;
  }

  before(async () => {
    made = request(await freshDirectory());
    other = request(await freshDirectory());
    assert.deepEqual(await ensureCertificates(made), { created: true });
    assert.deepEqual(await ensureCertificates(other), { created: true });
  });
  after(async () => {
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
  });

  it('makes certificates that openssl verifies, also when strict and asked for a host name', async () => {
    const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', made.caFile];
    const byName = await run('openssl', [...strict, '-verify_hostname', 'wr.example', made.certFile]);
    assert.match(byName.stdout, /: OK/);
    const byAddress = await run('openssl', [...strict, '-verify_ip', '127.0.0.1', made.certFile]);
    assert.match(byAddress.stdout, /: OK/);
    await assert.rejects(run('openssl', [...strict, '-verify_hostname', 'elsewhere.example', made.certFile]));
  });

  it('gives them the fields of the specification', async () => {
    const server = new X509Certificate(await readFile(made.certFile));
    const ca = new X509Certificate(await readFile(made.caFile));
    assert.notEqual(server.subject, ca.subject);
    assert.match(server.subject, /O=wr manager/);
    assert.match(ca.subject, /O=wr manager/);
    assert.equal(server.subjectAltName, 'DNS:wr.example, IP Address:0.0.0.0, IP Address:127.0.0.1');
    assert.equal(server.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
    assert.equal(server.serialNumber.length, 32);
    assert.equal(Date.parse(server.validFrom), Math.floor(NOW_MS / 1000) * 1000);
    assert.equal(Date.parse(server.validTo) - Date.parse(server.validFrom), CERTIFICATE_LIFE_MS);
    const { stdout } = await run('openssl', ['x509', '-in', made.certFile, '-noout', '-text']);
    assert.match(stdout, /Subject Key Identifier/);
    assert.match(stdout, /Authority Key Identifier/);
    assert.match(stdout, /sha256WithRSAEncryption/);
    assert.match(stdout, /TLS Web Server Authentication/);
  });

  it('keeps the key from others and leaves no other file behind', async () => {
    assert.equal((await stat(made.keyFile)).mode & 0o777, 0o600);
    const directory = join(made.keyFile, '..');
    assert.deepEqual((await readdir(directory)).sort(), ['ca.pem', 'cert.pem', 'key.pem']);
  });

  it('serves a TLS client that trusts the CA and verifies the domain', async () => {
    const [cert, key, ca] = await Promise.all(
      [made.certFile, made.keyFile, made.caFile].map((f) => readFile(f)),
    );
    const server = createServer({ cert: cert!, key: key! }, (socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, ca: ca!, servername: 'wr.example' });
    await once(socket, 'secureConnect');
    assert.equal(socket.authorized, true);
    socket.destroy();
    const wrongName = connect({ host: '127.0.0.1', port, ca: ca!, servername: 'other.example' });
    const [error] = await once(wrongName, 'error');
    assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    server.close();
    await once(server, 'close');
  });

  it('leaves existing files alone', async () => {
    const before = await readFile(made.certFile, 'utf8');
    assert.deepEqual(await ensureCertificates(made), { created: false });
    assert.equal(await readFile(made.certFile, 'utf8'), before);
  });

  it('refuses to make them when only some exist, and touches nothing', async () => {
    for (const lost of ['certFile', 'keyFile'] as const) {
      const files = await copy();
      await rm(files[lost]);
      await assert.rejects(ensureCertificates(files), badCertificate(files[lost], /is missing/));
      await assert.rejects(stat(files[lost]));
    }
    const onlyCa = request(await freshDirectory());
    await writeFile(onlyCa.caFile, 'mine');
    await assert.rejects(ensureCertificates(onlyCa), badCertificate(onlyCa.caFile, /not be overwritten/));
    assert.equal(await readFile(onlyCa.caFile, 'utf8'), 'mine');
  });

  it('leaves nothing behind when a file cannot be written', async () => {
    const directory = await freshDirectory();
    const files = { ...request(directory), certFile: join(directory, 'absent', 'cert.pem') };
    await assert.rejects(ensureCertificates(files), { code: 'CANNOT_START' });
    assert.deepEqual(await readdir(directory), []);
  });

  it('says when the first of them expires', async () => {
    const expiryMs = await checkCertificates(made, NOW_MS);
    assert.equal(expiryMs, Math.floor((NOW_MS + CERTIFICATE_LIFE_MS) / 1000) * 1000);
  });

  it('refuses files before and after their time, by name', async () => {
    const late = NOW_MS + CERTIFICATE_LIFE_MS + 1000;
    await assert.rejects(checkCertificates(made, late), badCertificate(made.certFile, /expired on/));
    await assert.rejects(
      checkCertificates(made, NOW_MS - 5000),
      badCertificate(made.certFile, /not valid before/),
    );
  });

  it('refuses a missing, unparsable or foreign file, by name', async () => {
    for (const file of ['caFile', 'certFile', 'keyFile'] as const) {
      const missing = await copy();
      await rm(missing[file]);
      await assert.rejects(
        checkCertificates(missing, NOW_MS),
        badCertificate(missing[file], /cannot be read/),
      );
      const spoiled = await copy();
      await writeFile(spoiled[file], 'not PEM at all');
      await assert.rejects(checkCertificates(spoiled, NOW_MS), badCertificate(spoiled[file], /PEM form/));
      const cut = await copy();
      await writeFile(cut[file], (await readFile(cut[file], 'utf8')).replace(/\n[^\n]{60}/, '\n'));
      await assert.rejects(checkCertificates(cut, NOW_MS), badCertificate(cut[file], /PEM form/));
    }
    const foreignKey = { ...made, keyFile: other.keyFile };
    await assert.rejects(
      checkCertificates(foreignKey, NOW_MS),
      badCertificate(other.keyFile, /is not the key of/),
    );
    const foreignCa = { ...made, caFile: other.caFile };
    await assert.rejects(checkCertificates(foreignCa, NOW_MS), badCertificate(other.caFile, /not signed by/));
  });

  it('refuses a certificate that is for another name than clients verify, naming both', async () => {
    await checkDomain(made.certFile, 'wr.example');
    await checkDomain(made.certFile, '127.0.0.1');
    for (const domain of ['localhost', 'example', '10.0.0.1'])
      await assert.rejects(checkDomain(made.certFile, domain), (error) => {
        assert.ok(error instanceof WrError);
        assert.equal(error.code, 'BAD_CERTIFICATE');
        assert.equal(
          error.message,
          `${made.certFile} is not for managercertdomain, ${domain}, but for DNS:wr.example, IP Address:0.0.0.0, IP Address:127.0.0.1`,
        );
        assert.match(error.hint, /^set managercertdomain/);
        return true;
      });
  });
});
