import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'k8s deploy',
  flags: {
    script: { type: 'string', short: 's' },
    keepalive: { type: 'integer', short: 'k' },
    max_servers: { type: 'integer', short: 'm' },
    config_files: { type: 'string', short: 'c' },
    container_image: { type: 'string', short: 'i' },
    namespace: { type: 'string', short: 'n' },
    timeout: { type: 'integer', short: 't' },
    kube_config: { type: 'string' },
    debug: { type: 'boolean' },
  },
  help: `Starts a manager in a Kubernetes cluster.

Usage:
  wr k8s deploy [flags]

Flags: --script --keepalive --max_servers --config_files --container_image --namespace --timeout --kube_config --debug
`,
});
