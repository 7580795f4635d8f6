/** The configuration of this process, and the question that is asked once when no ports can be computed (manager.md §2). */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Config, type ConfigInput, PortsUnsetError, resolveConfig } from '../core/config.ts';
import { WrError } from '../core/errors.ts';

/** @throws {WrError} BAD_CONFIG, also where the user would have to be asked for ports but there is no terminal */
export async function loadConfig(
  deploymentFlag: string | undefined,
  cwd = process.cwd(),
  env = process.env,
): Promise<Config> {
  const input = processInput(deploymentFlag, cwd, env);
  try {
    return await resolveConfig(input);
  } catch (thrown) {
    if (!(thrown instanceof PortsUnsetError) || !process.stdin.isTTY || input.home === null) throw thrown;
    await askForPorts(input.home, thrown);
    return await resolveConfig(input);
  }
}

/** What {@link resolveConfig} needs to know of this process. */
export function processInput(
  deploymentFlag: string | undefined,
  cwd: string,
  env: NodeJS.ProcessEnv,
): ConfigInput {
  return {
    cwd,
    home: env.HOME ?? homeOfUser(),
    uid: process.getuid?.() ?? 0,
    env,
    deploymentFlag,
    readText: readTextIfThere,
    exists: existsSync,
  };
}

function homeOfUser(): string | null {
  try {
    return homedir();
  } catch {
    return null; // The user is in no list of users.
  }
}

function readTextIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new WrError('BAD_CONFIG', `${path} cannot be read: ${message}`, { cause });
  }
}

async function askForPorts(home: string, problem: PortsUnsetError): Promise<void> {
  const first = await findFreePorts(4);
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `Your user id is too high for default ports. Use the free ports ${first} to ${first + 3} from now on? [y/n] `,
  );
  terminal.close();
  if (answer.trim().toLowerCase() !== 'y') throw problem;
  for (const [i, deployment] of ['production', 'development'].entries()) {
    const port = first + 2 * i;
    const lines = `managerport: "${port}"\nmanagerweb: "${port + 1}"\n`;
    appendFileSync(join(home, `.wr_config.${deployment}.yml`), lines, { mode: 0o644 });
  }
}

/** @returns the first of `count` consecutive ports on which nothing listens */
async function findFreePorts(count: number): Promise<number> {
  for (let first = 11_300; first + count < 32_768; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new WrError('PORT_IN_USE', `no ${count} consecutive ports are free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
