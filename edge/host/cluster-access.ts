// How the API of a cluster is reached, by the files that lie here. They are read anew for each connection: tokens and
// certificates are changed under way.

import { dirname, isAbsolute, join } from 'node:path'
import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { clusterFileBytesMax } from '../../shared/pod-limits.ts'
import { clusterUrl, inCluster } from './cluster-place.ts'

/** PEM where it is text of a certificate or a key. */
export interface ClusterAccess {
  readonly url: URL
  readonly ca?: string
  /** The name that the server proves to be, where it is not that of the URL. */
  readonly serverName?: string
  readonly token?: string
  readonly cert?: string
  readonly key?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Kubernetes mounts it into each pod that wants it. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

const optionalText = v.optional(v.string())
const kubeconfig = v.object({
  'current-context': v.string(),
  contexts: v.array(v.object({ name: v.string(), context: v.object({ cluster: v.string(), user: v.string() }) })),
  clusters: v.array(
    v.object({
      name: v.string(),
      cluster: v.object({
        server: v.string(),
        'certificate-authority': optionalText,
        'certificate-authority-data': optionalText,
        'tls-server-name': optionalText,
        'insecure-skip-tls-verify': v.optional(v.boolean()),
      }),
    }),
  ),
  users: v.array(
    v.object({
      name: v.string(),
      user: v.object({
        token: optionalText,
        tokenFile: optionalText,
        'client-certificate': optionalText,
        'client-certificate-data': optionalText,
        'client-key': optionalText,
        'client-key-data': optionalText,
        exec: v.optional(v.unknown()),
        'auth-provider': v.optional(v.unknown()),
      }),
    }),
  ),
})

function readNeeded(path: string, what: string, remedy: string): string {
  const text = readIfThere(path)
  if (text === undefined) throw new HoldfastError('not-found', `there is no ${what} at ${path}`, { remedy })
  if (text.length > clusterFileBytesMax) throw new HoldfastError('too-large', `${path} is larger than a ${what}`)
  return text
}

function accessInCluster(env: Environment, account: string): ClusterAccess {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (host === undefined || host === '') {
    throw new HoldfastError('not-found', 'this agent runs in no pod: KUBERNETES_SERVICE_HOST is not set', {
      remedy: 'Name a kubeconfig instead, such as /etc/rancher/k3s/k3s.yaml.',
    })
  }
  const remedy = 'Let the pod mount the token of its service account: automountServiceAccountToken.'
  return {
    url: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ca: readNeeded(`${account}/ca.crt`, 'certificate', remedy),
    token: readNeeded(`${account}/token`, 'token', remedy).trim(),
  }
}

/** The part of a kubeconfig that is called so; throws where it is not there. */
function named<T extends { readonly name: string }>(list: readonly T[], name: string, what: string): T {
  const found = list.find((one) => one.name === name)
  if (found === undefined) throw new HoldfastError('invalid', `the kubeconfig has no ${what} "${name.slice(0, 80)}"`)
  return found
}

async function accessByFile(path: string): Promise<ClusterAccess> {
  const text = readNeeded(
    path,
    'kubeconfig',
    'Correct the setting kubernetes, or wait until the cluster has made the file.',
  )
  const { parseConfig } = await import('../../shared/intent/yaml.ts')
  const config = parseConfig(kubeconfig, text)
  const { context } = named(config.contexts, config['current-context'], 'context')
  const { cluster } = named(config.clusters, context.cluster, 'cluster')
  const { user } = named(config.users, context.user, 'user')
  const url = clusterUrl(cluster.server)
  if (url === undefined || cluster['insecure-skip-tls-verify'] === true) {
    throw new HoldfastError(
      'untrusted',
      `the kubeconfig leads to ${cluster.server.slice(0, 200)} without proof of who it is`,
      {
        remedy: 'Give it an https:// address and certificate-authority-data.',
      },
    )
  }
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    throw new HoldfastError('unsupported', 'the kubeconfig asks for a program to log in with', {
      remedy: 'Make one with a token or a client certificate.',
    })
  }
  const beside = (file: string): string =>
    readNeeded(isAbsolute(file) ? file : join(dirname(path), file), 'file', 'It is named in the kubeconfig.')
  const pick = (data: string | undefined, file: string | undefined): string | undefined =>
    data !== undefined ? Buffer.from(data, 'base64').toString('utf8') : file === undefined ? undefined : beside(file)
  const ca = pick(cluster['certificate-authority-data'], cluster['certificate-authority'])
  const cert = pick(user['client-certificate-data'], user['client-certificate'])
  const key = pick(user['client-key-data'], user['client-key'])
  const token = user.tokenFile === undefined ? user.token : beside(user.tokenFile).trim()
  const serverName = cluster['tls-server-name']
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
    ...(serverName === undefined ? {} : { serverName }),
  }
}

/** `source`: as the setting says it; `account`: where the service account is mounted. Throws what is wrong with the files. */
export async function readClusterAccess(
  source: string,
  env: Environment,
  account = SERVICE_ACCOUNT,
): Promise<ClusterAccess> {
  if (source === inCluster) return accessInCluster(env, account)
  const url = clusterUrl(source)
  return url === undefined ? accessByFile(source) : { url }
}
