// Bounds of pods, each with its reason. Bytes unless the name says otherwise.

import { factBytesMax } from './limits.ts'

/** Pods that one node tells of: a whole site of 5,000 behind one gateway, with room. */
export const podsToldMax = 8_192
/** … and their bytes in its fact: three quarters, so that where the node itself is to be found always fits beside them. */
export const podTableBytesMax = factBytesMax - (8 << 10)
/** Distinct words (labels, namespaces, names of ports) in them. */
export const podWordsMax = 4_096
/** Groups of pods alike: Deployments and their like of a large cluster. */
export const podGroupsMax = 2_048
/** Pods and namespaces that are read of one API server: what a cluster may have in all is not a site's. */
export const clusterObjectsMax = 20_000
/** Asked for at once, some 8 KB each: to list 5,000 pods takes 45 MB for a moment; with 250 it is 75. */
export const clusterPageObjects = 100
/** One answer: a page of pods, or all at once from a server that knows no pages. */
export const clusterAnswerBytesMax = 64 << 20
/** One event of a watch: etcd stores 1.5 MiB at most. */
export const clusterEventBytesMax = 4 << 20
/** A token, a certificate, a kubeconfig. */
export const clusterFileBytesMax = 1 << 20
