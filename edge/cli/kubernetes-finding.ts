// What the doctor says of the cluster behind this node: which pods are read of it, and what stands in the way.

import type { KubernetesView } from '../pods/view.ts'
import type { Finding } from './doctor.ts'
import { kubernetesText } from './kubernetes-text.ts'

/** None where the agent looks at no cluster. */
export function kubernetesFinding(view: KubernetesView | undefined): readonly Finding[] {
  if (view === undefined) return []
  const found = kubernetesText(view)
  const check = 'cluster'
  const used = 'to tell others who the pods behind this node are'
  if (view.state === 'waiting') {
    const remedy = 'Nothing breaks meanwhile. Mend what is said, or correct the setting kubernetes.'
    return [{ check, verdict: 'note', found, used: 'what was known last', remedy }]
  }
  if (view.failure !== undefined || view.leftOut + view.doubled + view.unreadable > 0) {
    const remedy = 'Policy does not know the pods that are not told. See docs/kubernetes.md.'
    return [{ check, verdict: 'note', found, used, remedy }]
  }
  if (view.pods === 0 && view.elsewhere > 0) {
    const remedy = 'Let the Node advertise the block of its pods: spec.advertise.'
    return [{ check, verdict: 'note', found, used: 'nothing', remedy }]
  }
  return [{ check, verdict: 'ok', found, used }]
}
