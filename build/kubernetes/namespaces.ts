// Namespaces of the raw manifests. Each names the profile of PodSecurity that its pods are held to: a hub and the agent of a
// cluster keep to the strictest; an agent of a node programs its network, which only `privileged` lets a pod do.

const profiles = { holdfast: 'restricted', 'holdfast-cluster': 'restricted', 'holdfast-agent': 'privileged' } as const
export type Namespace = keyof typeof profiles

export function namespaceText(name: Namespace): string {
  const profile = profiles[name]
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/part-of: holdfast
    pod-security.kubernetes.io/enforce: ${profile}
    pod-security.kubernetes.io/warn: ${profile}
`
}
