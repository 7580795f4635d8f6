import { laterCommand } from '../later.ts';

export const { flags, help, run } = laterCommand({
  name: 'k8s teardown',
  flags: {
    force: { type: 'boolean', short: 'f' },
    namespace: { type: 'string', short: 'n' },
    kube_config: { type: 'string' },
    debug: { type: 'boolean' },
  },
  help: `Stops a manager in a Kubernetes cluster and removes everything that "wr k8s deploy" created.

Usage:
  wr k8s teardown [flags]

Flags: --force --namespace --kube_config --debug
`,
});
