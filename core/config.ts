/**
 * The configuration: defaults, files, environment and flags, read once into one frozen object (spec: manager.md §2, §3,
 * since-0.36.md §3.1).
 *
 * Strongest first: the environment (`WR_…`); `.wr_config.<deployment>.yml`, then `.wr_config.yml` of the current
 * directory; the same of the home directory; the same of `$WR_CONFIG_DIR`; the default.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { type FileSettings, parseConfigFile } from './config-file.ts';
import {
  checkSetting,
  environmentName,
  mayBeEmpty,
  parseBoolean,
  parseUmask,
  SETTINGS,
  type Setting,
  type SettingName,
} from './config-settings.ts';
import { WrError } from './errors.ts';

export type Deployment = 'production' | 'development';

export interface ConfigInput {
  readonly cwd: string;
  /** `null`: unknown, which is refused. */
  readonly home: string | null;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--deployment` as given. */
  readonly deploymentFlag?: string | undefined;
  /** The content of a file; `null` when there is none. */
  readonly readText: (path: string) => string | null;
  /** Whether a file exists. */
  readonly exists: (path: string) => boolean;
}

/** One line of `wr conf`. */
export interface ConfigRow {
  readonly name: SettingName;
  readonly value: string;
  /** `default`, `env var`, or the path of a file. */
  readonly source: string;
}

export interface Config {
  readonly deployment: Deployment;
  /** For clients and runners; 0: any free port. */
  readonly clientPort: number;
  /** For the status page and REST; 0: any free port. */
  readonly webPort: number;
  readonly managerHost: string;
  /** With the deployment appended; absolute, as all paths here. */
  readonly managerDir: string;
  readonly pidFile: string;
  readonly logFile: string;
  readonly dbFile: string;
  /** A path or an `s3://` address. */
  readonly dbBackupFile: string;
  readonly tokenFile: string;
  /** `manager.addr`, beside the token. */
  readonly addressFile: string;
  readonly uploadDir: string;
  readonly umask: number;
  readonly scheduler: string;
  /** Counted resources of the machine, `name:n` each; '': none. */
  readonly resources: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly certDomain: string;
  readonly setDomainIp: boolean;
  /** Default queue or comma list of queues; '' : none. */
  readonly queue: string;
  readonly queuesAvoid: string;
  readonly remoteSameAsLocal: boolean;
  /** 0: the default of 10. */
  readonly dbBatchDelayMs: number;
  /** 0: the default of 10,000. */
  readonly dbBatchSize: number;
  readonly logsMaxSizeMb: number;
  readonly logsMaxBackups: number;
  readonly logsMaxAgeDays: number;
  readonly logsCompress: boolean;
  readonly runnerExecShell: string;
  readonly privateKeyPath: string;
  readonly cloudFlavor: string;
  readonly cloudFlavorManager: string;
  readonly cloudFlavorSets: string;
  readonly cloudKeepAliveSeconds: number;
  readonly cloudServersMax: number;
  readonly cloudCidr: string;
  readonly cloudGateway: string;
  readonly cloudDns: string;
  readonly cloudOs: string;
  readonly containerImage: string;
  readonly cloudUser: string;
  readonly cloudRamMb: number;
  readonly cloudDiskGb: number;
  readonly cloudScript: string;
  readonly cloudDestroyScript: string;
  readonly cloudConfigFiles: string;
  readonly cloudSpawnsMax: number;
  readonly cloudAutoConfirmDeadMinutes: number;
  readonly deploySuccessScript: string;
  /** Every setting with its source, in the order of display. */
  readonly rows: readonly ConfigRow[];
}

/** No ports are configured and none can be computed: the user has to choose (manager.md §2). */
export class PortsUnsetError extends WrError {
  constructor(uid: number) {
    super('BAD_CONFIG', `no default ports exist for user id ${uid}`, {
      hint: 'set managerport and managerweb in ~/.wr_config.yml, or WR_MANAGERPORT and WR_MANAGERWEB',
    });
  }
}

/**
 * @throws {WrError} BAD_CONFIG: an unreadable or wrong file (named with its line), a wrong variable, no home directory
 * @throws {PortsUnsetError} when the user has to choose ports
 */
export async function resolveConfig(input: ConfigInput): Promise<Config> {
  const { home } = input;
  if (home === null || home === '')
    throw new WrError('BAD_CONFIG', 'your home directory is not known', { hint: 'set HOME' });
  const deployment = chooseDeployment(input);
  const ports = defaultPorts(input.uid, deployment);
  const found = await gather(input, home, deployment);
  const texts = new Map<SettingName, string>();
  const origins = new Map<SettingName, string>();
  for (const setting of SETTINGS) {
    const initial = initialText(setting, deployment, ports);
    const { text, source } = found(setting, initial);
    texts.set(setting.name, text);
    origins.set(setting.name, source);
  }
  if (!texts.get('ManagerPort') && !texts.get('ManagerWeb')) throw new PortsUnsetError(input.uid);
  // One of the two is enough: the other is its neighbour.
  if (!texts.get('ManagerPort')) texts.set('ManagerPort', String(Number(texts.get('ManagerWeb')) - 1));
  if (origins.get('ManagerWeb') === 'default' && texts.get('ManagerPort') !== '0') {
    texts.set('ManagerWeb', String(Math.min(65_535, Number(texts.get('ManagerPort')) + 1)));
  }
  return freeze(texts, origins, { home, cwd: input.cwd, deployment });
}

/** `--deployment`, `$WR_DEPLOYMENT`, or what the current directory suggests; other words than the two count as absent. */
export function chooseDeployment(
  input: Pick<ConfigInput, 'cwd' | 'env' | 'deploymentFlag' | 'exists'>,
): Deployment {
  for (const word of [input.deploymentFlag, input.env.WR_DEPLOYMENT]) {
    if (word === 'production' || word === 'development') return word;
  }
  return input.exists(join(input.cwd, 'jobqueue', 'server.go')) ? 'development' : 'production';
}

/** @returns `null` when the four ports of this user would lie above 65535 */
export function defaultPorts(uid: number, deployment: Deployment): { client: number; web: number } | null {
  const base = 1021 + 4 * uid;
  if (base + 3 > 65_535) return null;
  const client = deployment === 'production' ? base : base + 2;
  return { client, web: client + 1 };
}

/** The files that are looked for, strongest first. */
export function configFilePaths(
  cwd: string,
  home: string,
  configDir: string | undefined,
  deployment: Deployment,
): string[] {
  const directories = [cwd, home, ...(configDir ? [expandHome(configDir, home)] : [])];
  return [...new Set(directories)].flatMap((directory) => [
    join(directory, `.wr_config.${deployment}.yml`),
    join(directory, '.wr_config.yml'),
  ]);
}

/** `~` and `~/…` with the home directory in place of the tilde; anything else as it is. */
export function expandHome(path: string, home: string): string {
  if (path === '~') return home;
  return path.startsWith('~/') ? join(home, path.slice(2)) : path;
}

/** The configuration as `WR_…` variables, from which {@link resolveConfig} makes the same again in another process. */
export function configAsEnv(config: Config): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value } of config.rows) env[environmentName(name)] = value === '' ? ' ' : value;
  // The deployment is always appended.
  env.WR_MANAGERDIR = config.managerDir.slice(0, -`_${config.deployment}`.length);
  return env;
}

function initialText(
  setting: Setting & { name: SettingName },
  deployment: Deployment,
  ports: { client: number; web: number } | null,
): string {
  if (setting.name === 'ManagerPort') return ports === null ? '' : String(ports.client);
  if (setting.name === 'ManagerWeb') return ports === null ? '' : String(ports.web);
  return setting.name === 'Deployment' ? deployment : setting.initial;
}

type Found = (setting: Setting & { name: SettingName }, initial: string) => { text: string; source: string };

async function gather(input: ConfigInput, home: string, deployment: Deployment): Promise<Found> {
  const files: { path: string; settings: FileSettings }[] = [];
  for (const path of configFilePaths(input.cwd, home, input.env.WR_CONFIG_DIR, deployment)) {
    const content = input.readText(path);
    if (content !== null) files.push({ path, settings: await parseConfigFile(content, path) });
  }
  return (setting, initial) => {
    // It chose which files were read.
    if (setting.name === 'Deployment') return { text: deployment, source: 'default' };
    const variable = environmentName(setting.name);
    const text = input.env[variable];
    if (text?.trim() === '' && text !== '' && mayBeEmpty(setting)) {
      // An empty variable counts as absent, so a blank one says "empty" to the daemon.
      return { text: '', source: setting.initial === '' ? 'default' : 'env var' };
    }
    if (text) {
      checkSetting(setting, text, variable);
      return { text, source: isSame(setting, text, initial) ? 'default' : 'env var' };
    }
    for (const { path, settings } of files) {
      const value = settings.get(setting.name);
      if (value !== undefined)
        return { text: value, source: isSame(setting, value, initial) ? 'default' : path };
    }
    return { text: initial, source: 'default' };
  };
}

/** Whether two texts mean the same; the empty one is allowed, where there is no default port. */
function isSame(setting: Setting, text: string, initial: string): boolean {
  if (setting.kind === 'boolean') return parseBoolean(text) === parseBoolean(initial);
  if (setting.kind === 'umask') return parseUmask(text, setting.name) === parseUmask(initial, setting.name);
  return text === initial;
}

function freeze(
  texts: ReadonlyMap<SettingName, string>,
  origins: ReadonlyMap<SettingName, string>,
  { home, cwd, deployment }: { home: string; cwd: string; deployment: Deployment },
): Config {
  const text = (name: SettingName): string => texts.get(name) ?? '';
  const directory = expandHome(text('ManagerDir'), home);
  // Absolute, as the manager works in the root directory.
  const managerDir = `${isAbsolute(directory) ? directory : join(cwd, directory)}_${deployment}`;
  const shown = (setting: Setting & { name: SettingName }): string => {
    const raw = text(setting.name);
    if (setting.kind === 'directory') return managerDir;
    if (setting.kind === 'homePath') return expandHome(raw, home);
    if (setting.kind === 'boolean') return String(parseBoolean(raw));
    if (setting.kind === 'umask') return `0${parseUmask(raw, 'umask').toString(8).padStart(2, '0')}`;
    if (setting.kind === 'backupPath' && raw.startsWith('s3://')) return raw;
    if (setting.kind !== 'managerPath' && setting.kind !== 'backupPath') return raw;
    const path = expandHome(raw, home);
    return isAbsolute(path) ? path : join(managerDir, path);
  };
  const rows = SETTINGS.map((setting) =>
    Object.freeze({
      name: setting.name,
      value: shown(setting),
      source: origins.get(setting.name) ?? 'default',
    }),
  );
  const values = new Map<SettingName, string>(rows.map(({ name, value }) => [name, value]));
  const get = (name: SettingName): string => values.get(name) ?? '';
  const number = (name: SettingName): number => Number(get(name));
  const boolean = (name: SettingName): boolean => get(name) === 'true';
  return Object.freeze({
    deployment,
    clientPort: number('ManagerPort'),
    webPort: number('ManagerWeb'),
    managerHost: get('ManagerHost'),
    managerDir,
    pidFile: get('ManagerPidFile'),
    logFile: get('ManagerLogFile'),
    dbFile: get('ManagerDBFile'),
    dbBackupFile: get('ManagerDBBkFile'),
    tokenFile: get('ManagerTokenFile'),
    addressFile: join(dirname(get('ManagerTokenFile')), 'manager.addr'),
    uploadDir: get('ManagerUploadDir'),
    umask: parseUmask(get('ManagerUmask'), 'umask'),
    scheduler: get('ManagerScheduler'),
    resources: get('ManagerResources'),
    caFile: get('ManagerCAFile'),
    certFile: get('ManagerCertFile'),
    keyFile: get('ManagerKeyFile'),
    certDomain: get('ManagerCertDomain'),
    setDomainIp: boolean('ManagerSetDomainIP'),
    queue: get('ManagerQueue'),
    queuesAvoid: get('ManagerQueuesAvoid'),
    remoteSameAsLocal: boolean('ManagerRemoteSameAsLocal'),
    dbBatchDelayMs: number('ManagerDBBatchDelay'),
    dbBatchSize: number('ManagerDBBatchSize'),
    logsMaxSizeMb: number('LogsMaxSizeMB'),
    logsMaxBackups: number('LogsMaxBackups'),
    logsMaxAgeDays: number('LogsMaxAgeDays'),
    logsCompress: boolean('LogsCompress'),
    runnerExecShell: get('RunnerExecShell'),
    privateKeyPath: get('PrivateKeyPath'),
    cloudFlavor: get('CloudFlavor'),
    cloudFlavorManager: get('CloudFlavorManager'),
    cloudFlavorSets: get('CloudFlavorSets'),
    cloudKeepAliveSeconds: number('CloudKeepAlive'),
    cloudServersMax: number('CloudServers'),
    cloudCidr: get('CloudCIDR'),
    cloudGateway: get('CloudGateway'),
    cloudDns: get('CloudDNS'),
    cloudOs: get('CloudOS'),
    containerImage: get('ContainerImage'),
    cloudUser: get('CloudUser'),
    cloudRamMb: number('CloudRAM'),
    cloudDiskGb: number('CloudDisk'),
    cloudScript: get('CloudScript'),
    cloudDestroyScript: get('CloudDestroyScript'),
    cloudConfigFiles: get('CloudConfigFiles'),
    cloudSpawnsMax: number('CloudSpawns'),
    cloudAutoConfirmDeadMinutes: number('CloudAutoConfirmDead'),
    deploySuccessScript: get('DeploySuccessScript'),
    rows: Object.freeze(rows),
  });
}
