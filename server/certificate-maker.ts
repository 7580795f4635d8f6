/** Makes the CA and the server certificate of a manager (spec: manager.md §5); loaded only when they are missing. */
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

// The library's container looks for annotations of its classes' constructors through a global that programs usually
// get from a polyfill. Its classes have no annotated constructors, so "none" is the whole answer, and no polyfill is needed.
const reflect = Reflect as typeof Reflect & Record<string, unknown>;
reflect.getMetadata ??= () => undefined;
reflect.getOwnMetadata ??= () => undefined;
reflect.defineMetadata ??= () => undefined;
const x509 = await import('@peculiar/x509');

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const ORGANISATION = 'wr manager';

export interface MakerRequest {
  readonly domain: string;
  readonly ips: readonly string[];
  /** Unix ms from which the certificates are valid, and for how long. */
  readonly nowMs: number;
  readonly lifeMs: number;
}

export interface MadeCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @returns PEM texts; the CA's key is forgotten on return */
export async function makeCertificates(request: MakerRequest): Promise<MadeCertificates> {
  // Web crypto makes keys on the thread pool, so the loop goes on.
  const [caKeys, serverKeys] = await Promise.all([makeKeys(), makeKeys()]);
  const life = {
    notBefore: new Date(request.nowMs),
    notAfter: new Date(request.nowMs + request.lifeMs),
    signingAlgorithm: RSA,
  };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...life,
    serialNumber: makeSerial(),
    name: [{ O: [ORGANISATION] }, { CN: ['wr manager CA'] }],
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const cert = await x509.X509CertificateGenerator.create({
    ...life,
    serialNumber: makeSerial(),
    subject: [{ O: [ORGANISATION] }, { CN: [commonName(request.domain)] }],
    issuer: ca.subjectName,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(request)),
      await x509.SubjectKeyIdentifierExtension.create(serverKeys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return {
    ca: `${ca.toString('pem')}\n`,
    cert: `${cert.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(RSA, true, ['sign', 'verify']);
}

/** 128 random bits, the top one clear: a serial number is a positive integer. */
function makeSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A common name holds 64 characters; clients go by the alternative names anyway. */
function commonName(domain: string): string {
  return domain.length > 64 ? ORGANISATION : domain;
}

function alternativeNames({ domain, ips }: MakerRequest): { type: 'dns' | 'ip'; value: string }[] {
  const type = isIP(domain) === 0 ? 'dns' : 'ip';
  const more = ips.filter((ip) => ip !== domain);
  return [{ type, value: domain }, ...more.map((value) => ({ type: 'ip' as const, value }))];
}
