/** What can go wrong while connecting to a manager, as errors people can act on. */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { WrError } from '../core/errors.ts';

/** Who was dialled, for messages. */
export interface Dialled {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** '' when the CA came as text. */
  readonly caFile: string;
  readonly ca: string;
}

const NOBODY_THERE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The certificate was judged and found wanting: OpenSSL's verification codes and Node's own. */
const BAD_CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CRL_|INVALID_|ERR_TLS_|HOSTNAME_|PATH_)/;
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
/** It never came to certificates. */
const NO_TLS = /^(ERR_SSL_|EPROTO$)/;

/** An error event of a connection that never opened. */
export function connectError(error: NodeJS.ErrnoException, dialled: Dialled): WrError {
  const at = `${dialled.host}:${dialled.port}`;
  const code = error.code ?? '';
  if (NOBODY_THERE.has(code)) {
    return new WrError('NO_MANAGER', `no manager answers on ${at} (${code})`, { cause: error });
  }
  if (BAD_CERTIFICATE.test(code)) {
    return new WrError('BAD_CERTIFICATE', tlsTrouble(code, error, dialled), {
      cause: error,
      // Nothing is wrong with the certificate itself: it may well be the user's own.
      ...(code === OTHER_NAME ? { hint: 'set managercertdomain to a name that the certificate is for' } : {}),
    });
  }
  if (NO_TLS.test(code)) {
    return new WrError('BAD_PROTOCOL', `${at} does not speak TLS as a manager does (${code})`, {
      cause: error,
    });
  }
  if (code === 'ETIMEDOUT') return timedOut(dialled);
  if (/subprotocol/.test(error.message)) {
    return new WrError('BAD_PROTOCOL', `${at} answered in another protocol`, { cause: error });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new WrError('DISCONNECTED', `${at} ended the connection before it was open`, { cause: error });
  }
  return new WrError('BAD_PROTOCOL', `${at} did not answer as a manager does: ${error.message}`, {
    cause: error,
  });
}

function tlsTrouble(code: string, error: Error, { host, port, domain, caFile, ca }: Dialled): string {
  const at = `${host}:${port}`;
  const trusted = caFile === '' ? 'the CA given' : caFile;
  if (code === 'CERT_HAS_EXPIRED') {
    const caEnd = new X509Certificate(ca).validTo;
    // OpenSSL does not say which of the two it was.
    return Date.parse(caEnd) <= Date.now()
      ? `${trusted} expired on ${caEnd}`
      : `the certificate of the manager on ${at}, signed by ${trusted}, has expired`;
  }
  if (code === OTHER_NAME) {
    return `the certificate of the manager on ${at}, signed by ${trusted}, is not for ${domain}`;
  }
  return `the certificate of the manager on ${at} does not belong to ${trusted}: ${error.message}`;
}

/** An HTTP answer where a websocket was asked for. */
export function refusedUpgrade(response: IncomingMessage, text: string, dialled: Dialled): WrError {
  const at = `${dialled.host}:${dialled.port}`;
  const status = response.statusCode ?? 0;
  if (status === 401) return new WrError('BAD_TOKEN', `the manager on ${at} refused the token`);
  if (status === 503) return new WrError('STOPPING', `the manager on ${at} is stopping`);
  const said = text.trim() || `HTTP status ${status}`;
  return new WrError('BAD_PROTOCOL', `${at} refused the connection: ${said}`);
}

export function timedOut({ host, port }: Dialled): WrError {
  return new WrError('TIMED_OUT', `the manager on ${host}:${port} did not answer in time`);
}
