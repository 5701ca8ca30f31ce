// Labels of pods that nobody is told of.

/**
 * Those that Kubernetes gives by itself to tell one generation of a workload from the next, or one object from all others: no
 * policy selects by them, and each would make the pods of one workload differ.
 */
export const fleetingPodLabels: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'controller-uid',
  'batch.kubernetes.io/controller-uid',
])
