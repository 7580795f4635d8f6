/** Every word that may follow `wr`, in the order of the overview. Files are loaded when their command is used. */
import type { CommandEntry } from './command.ts';

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'add', summary: 'Add commands to the queue', load: () => import('./commands/add.ts') },
  { name: 'status', summary: 'Show what became of commands', load: () => import('./commands/status.ts') },
  { name: 'wait', summary: 'Wait until commands are over', load: () => import('./commands/wait.ts') },
  {
    name: 'explain',
    summary: 'Say why a command is not running',
    load: () => import('./commands/explain.ts'),
  },
  { name: 'kill', summary: 'Stop running commands', load: () => import('./commands/kill.ts') },
  { name: 'retry', summary: 'Queue buried commands again', load: () => import('./commands/retry.ts') },
  { name: 'remove', summary: 'Take commands out of the queue', load: () => import('./commands/remove.ts') },
  { name: 'suspend', summary: 'Hold queued commands back', load: () => import('./commands/suspend.ts') },
  { name: 'resume', summary: 'Let suspended commands run again', load: () => import('./commands/resume.ts') },
  { name: 'mod', summary: 'Change queued commands', load: () => import('./commands/mod.ts') },
  { name: 'limit', summary: 'Show or set limits of limit groups', load: () => import('./commands/limit.ts') },
  {
    name: 'manager',
    summary: 'Start, stop and look after the manager',
    children: [
      { name: 'start', summary: 'Start the manager', load: () => import('./commands/manager-start.ts') },
      {
        name: 'stop',
        summary: 'Stop the manager and what it runs',
        load: () => import('./commands/manager-stop.ts'),
      },
      {
        name: 'status',
        summary: 'Tell whether the manager is up',
        load: () => import('./commands/manager-status.ts'),
      },
      {
        name: 'drain',
        summary: 'Stop once what runs has ended',
        load: () => import('./commands/manager-drain.ts'),
      },
      { name: 'pause', summary: 'Start no more commands', load: () => import('./commands/manager-pause.ts') },
      { name: 'resume', summary: 'Start commands again', load: () => import('./commands/manager-resume.ts') },
      { name: 'backup', summary: 'Copy the database', load: () => import('./commands/manager-backup.ts') },
      {
        name: 'compact',
        summary: 'Make the database file smaller',
        load: () => import('./commands/manager-compact.ts'),
      },
    ],
  },
  { name: 'conf', summary: 'Show the configuration', load: () => import('./commands/conf.ts') },
  { name: 'mount', summary: 'Mount S3 buckets to try out', load: () => import('./commands/mount.ts') },
  {
    name: 'lsf',
    summary: 'Act like the tools of LSF',
    children: [
      { name: 'bsub', summary: 'Add a command like bsub', load: () => import('./commands/lsf-bsub.ts') },
      { name: 'bjobs', summary: 'List commands like bjobs', load: () => import('./commands/lsf-bjobs.ts') },
      { name: 'bkill', summary: 'Kill commands like bkill', load: () => import('./commands/lsf-bkill.ts') },
    ],
  },
  {
    name: 'cloud',
    summary: 'Work in an OpenStack cloud',
    children: [
      {
        name: 'deploy',
        summary: 'Start a manager in the cloud',
        load: () => import('./commands/cloud-deploy.ts'),
      },
      {
        name: 'teardown',
        summary: 'Destroy what deploy created',
        load: () => import('./commands/cloud-teardown.ts'),
      },
      {
        name: 'servers',
        summary: 'List or confirm dead servers',
        load: () => import('./commands/cloud-servers.ts'),
      },
    ],
  },
  {
    name: 'k8s',
    summary: 'Work in a Kubernetes cluster',
    children: [
      {
        name: 'deploy',
        summary: 'Start a manager in the cluster',
        load: () => import('./commands/k8s-deploy.ts'),
      },
      {
        name: 'teardown',
        summary: 'Destroy what deploy created',
        load: () => import('./commands/k8s-teardown.ts'),
      },
    ],
  },
  {
    name: 'completion',
    summary: 'Print a completion script for your shell',
    children: (['bash', 'zsh', 'fish', 'powershell'] as const).map((shell) => ({
      name: shell,
      summary: `Print the completion script for ${shell}`,
      load: async () => (await import('./commands/completion.ts')).completionCommand(shell),
    })),
  },
  { name: 'version', summary: 'Print the version', load: () => import('./commands/version.ts') },
  { name: 'help', summary: 'Help about any command', load: () => import('./commands/help.ts') },
  {
    name: 'runner',
    summary: 'Run commands for the manager',
    hidden: true,
    load: () => import('./commands/runner.ts'),
  },
];

/** Names under which the executable may be linked, so that programs made for LSF find what they look for. */
export const LSF_NAMES: readonly string[] = ['bsub', 'bjobs', 'bkill'];
