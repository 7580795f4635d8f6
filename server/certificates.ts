/**
 * The manager's certificate files: made when there are none, judged before they are used (spec: manager.md §5).
 *
 * A CA signs one server certificate and its key is thrown away. The two have different subjects and both key
 * identifiers, because OpenSSL takes a certificate whose subject equals its issuer's for self-signed, and strict
 * verifiers ask for the identifiers.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { checkServerIdentity } from 'node:tls';
import { asWrError, WrError } from '../core/errors.ts';

/** The three PEM files, as paths. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateRequest extends CertificateFiles {
  /** The name clients verify, whatever address they dial. */
  readonly domain: string;
  /** Further addresses the certificate is good for. */
  readonly ips: readonly string[];
  /** Unix ms from which the certificates are valid. */
  readonly nowMs: number;
}

/** 365 days. */
export const CERTIFICATE_LIFE_MS = 365 * 24 * 3600 * 1000;

/**
 * Makes a CA, a server certificate and its key when the certificate or the key is missing; leaves them alone otherwise.
 * The work is done off the main thread: two RSA keys take from 0.1 to 1 s.
 * @returns `created`: whether files were written
 * @throws {WrError} BAD_CERTIFICATE when some of the three exist and others do not: nothing is overwritten;
 *   CANNOT_START when a file cannot be written
 */
export async function ensureCertificates(request: CertificateRequest): Promise<{ created: boolean }> {
  const { caFile, certFile, keyFile } = request;
  const [caThere, certThere, keyThere] = await Promise.all([caFile, certFile, keyFile].map(exists));
  if (certThere && keyThere) return { created: false };
  const inTheWay = [caThere && caFile, certThere && certFile, keyThere && keyFile].find(Boolean);
  if (inTheWay) {
    const missing = certThere ? keyFile : certFile;
    throw new WrError(
      'BAD_CERTIFICATE',
      `${missing} is missing, but ${inTheWay} exists; it will not be overwritten`,
    );
  }
  // The generator is loaded here only: most starts find their files.
  const { makeCertificates } = await import('./certificate-maker.ts');
  const { ca, cert, key } = await makeCertificates({ ...request, lifeMs: CERTIFICATE_LIFE_MS });
  await writeAll([
    { file: keyFile, text: key, mode: 0o600 },
    { file: caFile, text: ca, mode: 0o666 },
    { file: certFile, text: cert, mode: 0o666 },
  ]);
  return { created: true };
}

/**
 * Judges the three files as a client and OpenSSL would.
 * @param nowMs - Unix ms
 * @returns Unix ms at which the first of CA and server certificate expires
 * @throws {WrError} BAD_CERTIFICATE, naming the file, when one is missing, unparsable, not valid yet or any more, when
 *   the key is another certificate's, or the certificate another CA's
 */
export async function checkCertificates(files: CertificateFiles, nowMs: number): Promise<number> {
  const [cas, chain, keyPem] = await Promise.all([
    readCertificates(files.caFile),
    readCertificates(files.certFile),
    readPem(files.keyFile),
  ]);
  const [server, ...between] = chain;
  if (server === undefined) throw unparsable(files.certFile);
  const usedCas = trustedIssuers(server, between, cas);
  if (usedCas === null) {
    throw new WrError('BAD_CERTIFICATE', `${files.certFile} is not signed by the CA of ${files.caFile}`);
  }
  checkKey(server, keyPem, files);
  // The file whose certificate ends is the one to name, so the two are judged apart.
  const serverEndMs = lifeEnd([server, ...between], files.certFile, nowMs);
  return Math.min(serverEndMs, lifeEnd(usedCas, files.caFile, nowMs));
}

/**
 * Clients and runners verify one name, whatever address they dial: no one could connect to a manager whose certificate is
 * for another.
 * @param domain - the configured name
 * @throws {WrError} BAD_CERTIFICATE, naming certificate and domain, when it is not for that name
 */
export async function checkDomain(certFile: string, domain: string): Promise<void> {
  const [server] = await readCertificates(certFile);
  if (server === undefined) throw unparsable(certFile);
  // As clients judge it, who go by the alternative names first.
  if (checkServerIdentity(domain, server.toLegacyObject()) === undefined) return;
  const { subjectAltName, subject } = server;
  const names = subjectAltName ?? subject.replaceAll('\n', ', ');
  throw new WrError(
    'BAD_CERTIFICATE',
    `${certFile} is not for managercertdomain, ${domain}, but for ${names}`,
    {
      hint: 'set managercertdomain to a name that the certificate is for, or managercertfile to one that is for this name',
    },
  );
}

function checkKey(server: X509Certificate, keyPem: string, files: CertificateFiles): void {
  let matches: boolean;
  try {
    matches = server.checkPrivateKey(createPrivateKey(keyPem));
  } catch (cause) {
    throw new WrError('BAD_CERTIFICATE', `${files.keyFile} holds no private key in PEM form`, { cause });
  }
  if (!matches) {
    throw new WrError('BAD_CERTIFICATE', `${files.keyFile} is not the key of ${files.certFile}`);
  }
}

/** The CAs that vouch for a certificate, through the intermediates of its own file; `null`: none does. */
function trustedIssuers(
  server: X509Certificate,
  between: readonly X509Certificate[],
  cas: readonly X509Certificate[],
): readonly X509Certificate[] | null {
  let current = server;
  // As many steps as there are intermediates: a ring of certificates must not go round for ever.
  for (let step = 0; step <= between.length; step += 1) {
    const roots = cas.filter((ca) => isIssuedBy(current, ca));
    if (roots.length > 0) return roots;
    const next = between.find((candidate) => candidate !== current && isIssuedBy(current, candidate));
    if (next === undefined) return null;
    current = next;
  }
  return null;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function lifeEnd(certificates: readonly X509Certificate[], file: string, nowMs: number): number {
  let endMs = Number.POSITIVE_INFINITY;
  for (const certificate of certificates) {
    const fromMs = Date.parse(certificate.validFrom);
    const toMs = Date.parse(certificate.validTo);
    if (nowMs < fromMs) {
      throw new WrError('BAD_CERTIFICATE', `${file} is not valid before ${certificate.validFrom}`);
    }
    if (nowMs >= toMs) throw new WrError('BAD_CERTIFICATE', `${file} expired on ${certificate.validTo}`);
    endMs = Math.min(endMs, toMs);
  }
  return endMs;
}

async function readCertificates(file: string): Promise<readonly X509Certificate[]> {
  const pem = await readPem(file);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) throw unparsable(file);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unparsable(file, cause);
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1');
  } catch (cause) {
    throw new WrError('BAD_CERTIFICATE', `${file} cannot be read: ${asWrError(cause).message}`, { cause });
  }
}

function unparsable(file: string, cause?: unknown): WrError {
  return new WrError('BAD_CERTIFICATE', `${file} holds no certificate in PEM form`, { cause });
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    // What may not be looked at is there: it must not be taken for missing.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

interface NewFile {
  readonly file: string;
  readonly text: string;
  readonly mode: number;
}

/** Writes new files, or leaves none of them behind: half a set would refuse every later start. */
async function writeAll(files: readonly NewFile[]): Promise<void> {
  const written: string[] = [];
  for (const { file, text, mode } of files) {
    try {
      await writeFile(file, text, { mode, flag: 'wx' });
      written.push(file);
    } catch (cause) {
      await Promise.all(written.map((done) => rm(done, { force: true })));
      throw new WrError('CANNOT_START', `cannot write ${file}: ${asWrError(cause).message}`, { cause });
    }
  }
}
