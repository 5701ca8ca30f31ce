// The figures of the cluster behind this node.

import { type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { KubernetesView } from '../pods/view.ts'

export function kubernetesFamilies(view: KubernetesView | undefined): readonly Family[] {
  if (view === undefined) return []
  const { doubled, elsewhere, heardAgoS, leftOut, pods, state, unreadable } = view
  const unsaid: readonly Sample[] = [
    [{ why: 'no-room' }, leftOut],
    [{ why: 'elsewhere' }, elsewhere],
    [{ why: 'address-taken' }, doubled],
    [{ why: 'unreadable' }, unreadable],
  ]
  return [
    gauge(
      'holdfast_agent_cluster_read',
      '1 while the API server of the cluster is heard.',
      Number(state === 'reading'),
    ),
    gauge('holdfast_agent_cluster_heard_seconds', 'Seconds since it last was.', heardAgoS),
    gauge('holdfast_agent_pods', 'Pods that this node tells of.', pods),
    gauge('holdfast_agent_pods_untold', 'Pods that it does not tell of, by why not.', unsaid),
  ]
}
