// Where the API of a cluster is, as the setting says it.

/** The service account of the pod that the agent runs in. */
export const inCluster = 'in-cluster'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** An URL that a token may be sent to: in clear on this host alone, as KubeEdge's MetaServer is asked. */
export function clusterUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
  return isSafe && url.username === '' && url.search === '' && url.hash === '' ? url : undefined
}

export function isClusterPlace(text: string): boolean {
  return text === inCluster || text.startsWith('/') || clusterUrl(text) !== undefined
}
