/**
 * Every setting there is, in the order in which `wr conf` shows them (spec: manager.md §3, since-0.36.md §3.1).
 *
 * A setting's name in a file is the name here in lower case, in the environment `WR_` and the name in upper case.
 */
import { WrError } from './errors.ts';
import { parseResources } from './resource-names.ts';

export type SettingKind =
  | 'port'
  | 'text'
  /** A file or directory; relative ones lie in the manager's directory. */
  | 'managerPath'
  /** As `managerPath`, unless it is an `s3://` address. */
  | 'backupPath'
  /** The manager's directory itself. */
  | 'directory'
  /** Only `~` is expanded. */
  | 'homePath'
  | 'umask'
  /** A list of `name:n`. */
  | 'resources'
  | 'integer'
  | 'boolean';

export interface Setting {
  readonly name: string;
  readonly kind: SettingKind;
  /** As it would be written in a file; of ports: computed. */
  readonly initial: string;
  /** What the sample file says about it. */
  readonly about: string;
}

const COUNT = 'a whole number';

/** In the order of display. */
export const SETTINGS = [
  setting(
    'ManagerPort',
    'port',
    '',
    'Port for clients and runners. Default: 1021 + 4 × your user id (+ 2 for development).',
  ),
  setting(
    'ManagerWeb',
    'port',
    '',
    'Port of the status page and the REST interface. Default: managerport + 1.',
  ),
  setting(
    'ManagerHost',
    'text',
    'localhost',
    'Where clients look for the manager when there is no address file.',
  ),
  setting(
    'ManagerDir',
    'directory',
    '~/.wr',
    'Working files. "_production" or "_development" is always appended.',
  ),
  setting(
    'ManagerPidFile',
    'managerPath',
    'pid',
    'Holds the process id. Relative paths, here and below, lie in managerdir.',
  ),
  setting('ManagerLogFile', 'managerPath', 'log', 'The log of the manager.'),
  setting(
    'ManagerDBFile',
    'managerPath',
    'db',
    'The database. It holds the environment variables of commands: keep it private.',
  ),
  setting(
    'ManagerDBBkFile',
    'backupPath',
    'db_bk',
    'Backup of the database: a path, or s3://[profile@]bucket/path/file.',
  ),
  setting(
    'ManagerTokenFile',
    'managerPath',
    'client.token',
    'Who can read this controls the manager. Every host that runs commands must see it.',
  ),
  setting('ManagerUploadDir', 'managerPath', 'uploads', 'Files uploaded by clients.'),
  setting(
    'ManagerUmask',
    'umask',
    '007',
    'Mask of the permissions of new files; with a leading zero it is octal.',
  ),
  setting(
    'ManagerScheduler',
    'text',
    'local',
    'What runs the commands: local, lsf, slurm, openstack or kubernetes.',
  ),
  setting(
    'ManagerResources',
    'resources',
    '',
    'Counted resources of this machine that commands may ask for, such as gpu:2,licence:5.',
  ),
  setting('ManagerCAFile', 'managerPath', 'ca.pem', 'Certificate of the authority that clients trust.'),
  setting(
    'ManagerCertFile',
    'managerPath',
    'cert.pem',
    'Certificate of the manager; made at the first start unless it exists.',
  ),
  setting('ManagerKeyFile', 'managerPath', 'key.pem', 'Private key of the manager.'),
  setting('ManagerCertDomain', 'text', 'localhost', 'The name in the certificate; clients verify it.'),
  setting(
    'ManagerSetDomainIP',
    'boolean',
    'false',
    'Register the domain with Infoblox (INFOBLOX_HOST, INFOBLOX_USER, INFOBLOX_PASS).',
  ),
  setting(
    'ManagerQueue',
    'text',
    '',
    'Scheduler queue, or list of queues to choose among, for commands that name none.',
  ),
  setting(
    'ManagerQueuesAvoid',
    'text',
    'interactive',
    'Parts of names of queues not to use for commands that name none.',
  ),
  setting(
    'ManagerRemoteSameAsLocal',
    'boolean',
    'false',
    'Send environment and current directory to a manager on another host too.',
  ),
  setting(
    'ManagerDBBatchDelay',
    'integer',
    '0',
    'Milliseconds that a batch of writes may wait; 0: the default of 10.',
  ),
  setting('ManagerDBBatchSize', 'integer', '0', 'Writes in a batch; 0: the default of 10,000.'),
  setting('LogsMaxSizeMB', 'integer', '500', 'Size in MB at which a log is rotated.'),
  setting('LogsMaxBackups', 'integer', '3', 'Rotated logs that are kept.'),
  setting('LogsMaxAgeDays', 'integer', '28', 'Days for which rotated logs are kept.'),
  setting('LogsCompress', 'boolean', 'true', 'Compress rotated logs.'),
  setting('RunnerExecShell', 'text', 'bash', 'The shell that commands run in.'),
  setting(
    'PrivateKeyPath',
    'homePath',
    '~/.ssh/id_rsa',
    'Key used to look for lost commands on other hosts by ssh.',
  ),
  setting('Deployment', 'text', 'production', 'Set by --deployment or WR_DEPLOYMENT, never by a file.'),
  setting('CloudFlavor', 'text', '', 'Pattern of the server flavors that may be used.'),
  setting('CloudFlavorManager', 'text', '', 'Flavor of the server for the manager itself.'),
  setting('CloudFlavorSets', 'text', '', 'Sets of flavors that exist on the same hardware.'),
  setting('CloudKeepAlive', 'integer', '120', 'Seconds for which an idle server is kept.'),
  setting('CloudServers', 'integer', '-1', 'Additional servers at once; -1: no limit.'),
  setting('CloudCIDR', 'text', '192.168.64.0/18', 'Range of addresses of the network that is made.'),
  setting('CloudGateway', 'text', '192.168.64.1', 'Gateway of that network.'),
  setting('CloudDNS', 'text', '8.8.4.4,8.8.8.8', 'Name servers of that network.'),
  setting('CloudOS', 'text', 'bionic-server', 'Start of the name of the image of new servers.'),
  setting('ContainerImage', 'text', 'ubuntu:latest', 'Image of new containers (kubernetes).'),
  setting('CloudUser', 'text', 'ubuntu', 'Who to log in as on new servers.'),
  setting('CloudRAM', 'integer', '2048', 'MB of memory that the image needs.'),
  setting('CloudDisk', 'integer', '1', 'GB of disk that a server has at least.'),
  setting('CloudScript', 'text', '', 'Script to run on each new server.'),
  setting('CloudDestroyScript', 'text', '', 'Script to run on each server before it is destroyed.'),
  setting(
    'CloudConfigFiles',
    'text',
    '~/.s3cfg,~/.aws/credentials,~/.aws/config',
    'Files to copy to each new server.',
  ),
  setting('CloudSpawns', 'integer', '10', 'Servers that may be created at the same time.'),
  setting(
    'CloudAutoConfirmDead',
    'integer',
    '30',
    'Minutes after which an unreachable server is taken for dead.',
  ),
  setting('DeploySuccessScript', 'text', '', 'Script to run after a successful deployment.'),
] as const satisfies readonly Setting[];

export type SettingName = (typeof SETTINGS)[number]['name'];

/** By the name used in files. */
export const SETTING_BY_KEY: ReadonlyMap<string, Setting & { readonly name: SettingName }> = new Map(
  SETTINGS.map((each) => [each.name.toLowerCase(), each]),
);

/** Lists for which saying nothing is a choice of its own; other settings with a default ignore an empty value. */
const MAY_BE_EMPTIED: readonly string[] = ['ManagerQueuesAvoid', 'CloudConfigFiles'];

export function mayBeEmpty(of: Setting): boolean {
  return of.kind === 'boolean' || of.initial === '' || MAY_BE_EMPTIED.includes(of.name);
}

function setting<const Name extends string>(name: Name, kind: SettingKind, initial: string, about: string) {
  return { name, kind, initial, about };
}

export function environmentName(name: string): string {
  return `WR_${name.toUpperCase()}`;
}

/**
 * Checks the text of a setting.
 * @param where - named in the error: file and line, or the variable
 * @throws {WrError} BAD_CONFIG for a text that the setting's kind does not allow
 */
export function checkSetting(of: Setting, text: string, where: string): void {
  if (of.kind === 'port') parseInteger(text, `${where}: ${of.name.toLowerCase()}`, 0, 65_535);
  else if (of.kind === 'integer')
    parseInteger(text, `${where}: ${of.name.toLowerCase()}`, -1, Number.MAX_SAFE_INTEGER);
  else if (of.kind === 'umask') parseUmask(text, where);
  else if (of.kind === 'resources') checkResources(text, where);
}

function checkResources(text: string, where: string): void {
  try {
    parseResources(text, 'managerresources');
  } catch (cause) {
    throw new WrError('BAD_CONFIG', `${where}: ${(cause as Error).message}`, { cause });
  }
}

/** @throws {WrError} BAD_CONFIG */
export function parseInteger(text: string, where: string, min: number, max: number): number {
  const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range =
    max === Number.MAX_SAFE_INTEGER ? `${COUNT}, ${min} or more` : `${COUNT} from ${min} to ${max}`;
  throw new WrError('BAD_CONFIG', `${where} is "${text}", but must be ${range}`);
}

/**
 * A mask of permissions: octal with a leading zero (`022`, `0o22`), else decimal.
 * @throws {WrError} BAD_CONFIG
 */
export function parseUmask(text: string, where: string): number {
  const trimmed = text.trim();
  const octal = /^0[oO]?([0-7]+)$/.exec(trimmed)?.[1];
  const decimal = /^(?:[1-9]\d*|0)$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  const value = octal === undefined ? decimal : Number.parseInt(octal, 8);
  if (value >= 0 && value <= 0o777) return value;
  throw new WrError('BAD_CONFIG', `${where}: managerumask is "${text}", but must be a mask such as 007`);
}

/** Empty, `0`, `f` and `false` (any case) are false, anything else is true. */
export function parseBoolean(text: string): boolean {
  return !['', '0', 'f', 'false', 'no', 'off', 'n'].includes(text.trim().toLowerCase());
}
