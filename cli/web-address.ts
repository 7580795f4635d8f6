import type { ManagerStatusReply } from '../core/client-replies.ts';
import type { Config } from '../core/config.ts';

/** Where a browser finds the status page: under the name in the certificate, unless that means any host. */
export function webAddress(
  { certDomain }: Config,
  { host, webPort }: Pick<ManagerStatusReply, 'host' | 'webPort'>,
  token: string,
): string {
  const name = certDomain === '' ? host : certDomain;
  return `https://${name}:${webPort}/?token=${token}`;
}
