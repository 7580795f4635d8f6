/** `wr conf --default`: every setting in a file that can be saved as it is. */
import { SETTINGS } from './config-settings.ts';

/** What cannot be set in a file, or differs from one user to the next, stands there as a comment. */
const COMMENTED: readonly string[] = ['ManagerPort', 'ManagerWeb', 'Deployment'];

export function sampleConfig(ports: { readonly client: number; readonly web: number } | null): string {
  const lines = [
    '# Settings of wr. Save it as ~/.wr_config.yml, or as ~/.wr_config.production.yml or',
    '# ~/.wr_config.development.yml for one deployment only, and change what you need.',
    '# The environment beats files: WR_ and the name in capitals, such as WR_MANAGERDIR.',
    '# Files in the current directory beat those in your home directory, which beat those in $WR_CONFIG_DIR.',
    '#',
    '# Commands that vanished are looked for on their host by ssh with the key of privatekeypath, and those that someone',
    '# killed are ended there. To restrict that key, give it a forced command in authorized_keys on the hosts, one that',
    '# lets only this through (without the part from | to ) nothing is ended, and what may have been started stays lost):',
    '#   command="case \\"$SSH_ORIGINAL_COMMAND\\" in echo\\ wr-ps-batch*|env\\ WR_ATTEMPT=wr-look*) eval \\"$SSH_ORIGINAL_COMMAND\\";; *) exit 1;; esac",restrict ssh-…',
    '',
  ];
  for (const setting of SETTINGS) {
    const commented = COMMENTED.includes(setting.name) || setting.initial === '';
    const value =
      setting.name === 'ManagerPort' ? ports?.client : setting.name === 'ManagerWeb' ? ports?.web : null;
    const text = value === undefined ? '' : (value ?? setting.initial);
    const bare = setting.kind === 'integer' || setting.kind === 'boolean' || setting.kind === 'umask';
    lines.push(`# ${setting.about}`);
    lines.push(`${commented ? '#' : ''}${setting.name.toLowerCase()}: ${bare ? text : `"${text}"`}`, '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
