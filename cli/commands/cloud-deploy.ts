import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'cloud deploy',
  flags: {
    provider: { type: 'string', short: 'p' },
    resource_name: { type: 'string' },
    os: { type: 'string', short: 'o' },
    username: { type: 'string', short: 'u' },
    os_ram: { type: 'integer', short: 'r' },
    os_disk: { type: 'integer', short: 'd' },
    flavor: { type: 'string', short: 'f' },
    manager_flavor: { type: 'string' },
    flavor_sets: { type: 'string' },
    script: { type: 'string', short: 's' },
    destroy_script: { type: 'string', short: 'y' },
    max_spawns: { type: 'integer' },
    max_local_cores: { type: 'integer' },
    max_local_ram: { type: 'integer' },
    on_success: { type: 'string', short: 'x' },
    keepalive: { type: 'integer', short: 'k' },
    max_servers: { type: 'integer', short: 'm' },
    network_gateway_ip: { type: 'string' },
    network_cidr: { type: 'string' },
    network_dns: { type: 'string' },
    config_files: { type: 'string', short: 'c' },
    timeout: { type: 'integer', short: 't' },
    auto_confirm_dead: { type: 'integer' },
    set_domain_ip: { type: 'boolean' },
    debug: { type: 'boolean' },
    mount_json: { type: 'string', short: 'j' },
  },
  help: `Creates a server in an OpenStack cloud and starts a manager there, which creates further servers as they are needed.

Usage:
  wr cloud deploy [flags]

Flags: --provider --resource_name --os --username --os_ram --os_disk --flavor --manager_flavor --flavor_sets --script
--destroy_script --max_spawns --max_local_cores --max_local_ram --on_success --keepalive --max_servers
--network_gateway_ip --network_cidr --network_dns --config_files --timeout --auto_confirm_dead --set_domain_ip --debug
--mount_json
`,
});
