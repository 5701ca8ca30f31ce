// A site of the lab as a cluster sees it: a gateway with a bridge as flannel makes one, hosts behind it that are pods, and their
// objects in a real API server, which the gateway's agent reads through a socket that crosses from one network to the other.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import type { Host } from '../laboratory/host.ts'
import type { ApiServer } from './api-server.ts'

const API_PORT = 6_443

/** In the host: what comes to its loopback goes to a socket in a file, which knows no networks. */
const THROUGH = `
const { connect, createServer } = require('node:net')
createServer((near) => {
  const far = connect(process.argv[1])
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
}).listen(${API_PORT}, '127.0.0.1', () => console.log('passing on'))
`

/** Lets hosts of the lab reach the API server of this machine. @testonly */
export class ApiCrossing {
  readonly #port: number
  readonly #servers: Server[] = []
  readonly #open = new Set<Socket>()

  constructor(url: string) {
    this.#port = Number(new URL(url).port)
  }

  async toHost(host: Host): Promise<void> {
    const server = createServer((near) => this.#cross(near)).listen(join(host.lib, 'api.sock'))
    this.#servers.push(server)
    await once(server, 'listening')
    await host.spawn([process.execPath, '-e', THROUGH, '/var/lib/api.sock'], 'api-crossing').said(/passing on/)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #cross(near: Socket): void {
    const far = connect(this.#port, '127.0.0.1')
    const end = (): void => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      this.#open.add(socket)
      socket.on('error', end).once('close', () => this.#open.delete(socket))
    }
    near.pipe(far).pipe(near)
  }
}

/** Where the host finds the kubeconfig. @testonly */
export const kubeconfigPath = '/var/lib/kubeconfig'

/** @testonly */
export function layKubeconfig(host: Host, { authority }: ApiServer, token: string): void {
  const server = `https://127.0.0.1:${API_PORT}`
  const data = Buffer.from(authority).toString('base64')
  const config = {
    'current-context': 'site',
    contexts: [{ name: 'site', context: { cluster: 'site', user: 'agent' } }],
    clusters: [{ name: 'site', cluster: { server, 'certificate-authority-data': data } }],
    users: [{ name: 'agent', user: { token } }],
  }
  writeFileSync(join(host.lib, 'kubeconfig'), JSON.stringify(config), { mode: 0o600 })
}

/** The gateway's second cable becomes a port of a bridge with the first address of `block`. @testonly */
export async function layBridge(gateway: Host, block: string): Promise<void> {
  await gateway.ip([
    'link add cni0 type bridge',
    'address flush dev eth1',
    'link set eth1 master cni0',
    `address add ${block}.1/24 dev cni0`,
    'link set cni0 up',
  ])
}

/** What flannel does to packets that leave its cluster, at its place in the kernel. @testonly */
export async function layMasquerade(gateway: Host, block: string): Promise<void> {
  const rules = `table ip flannel {
    chain postrouting {
      type nat hook postrouting priority srcnat;
      ip saddr ${block}.0/24 ip daddr ${block}.0/24 return
      ip saddr ${block}.0/24 ip daddr != 224.0.0.0/4 masquerade
    }
  }`
  await gateway.exec(['nft', '-f', '-'], { input: rules })
}

/** A host behind the gateway has that address of the block, and no other. @testonly */
export async function givePodAddress(pod: Host, block: string, last: number): Promise<void> {
  await pod.ip([
    'address flush dev eth0',
    `address add ${block}.${last}/24 dev eth0`,
    `route replace default via ${block}.1`,
  ])
}

export interface PodObject {
  readonly namespace: string
  readonly name: string
  readonly node: string
  readonly labels: Readonly<Record<string, string>>
  readonly ip: string
  /** Of a headless Service: the pod is below its name by its own, as in a StatefulSet. */
  readonly subdomain?: string
}

async function expectStatus(api: ApiServer, wanted: readonly number[], ...asked: Parameters<ApiServer['ask']>) {
  const { body, status } = await api.ask(...asked)
  if (!wanted.includes(status)) {
    throw new HoldfastError('failed', `${asked[0]} ${asked[1]}: ${status} ${JSON.stringify(body).slice(0, 300)}`)
  }
}

/** As the scheduler and the kubelet would; it is ready. @testonly */
export async function createPod(api: ApiServer, pod: PodObject): Promise<void> {
  const { ip, labels, name, namespace, node, subdomain } = pod
  const called = subdomain === undefined ? {} : { hostname: name, subdomain }
  const ports = [{ name: 'sql', containerPort: 5_432 }]
  await expectStatus(api, [201], 'POST', `/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { ...labels, 'pod-template-hash': '6d4b75cb6d' } },
    spec: { nodeName: node, ...called, containers: [{ name: 'main', image: 'example.org/main', ports }] },
  })
  await patchStatus(api, namespace, name, {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: readiness(true),
  })
}

function readiness(isReady: boolean): readonly object[] {
  return [{ type: 'Ready', status: isReady ? 'True' : 'False' }]
}

async function patchStatus(api: ApiServer, namespace: string, name: string, status: object): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
  await expectStatus(api, [200], 'PATCH', path, { status }, 'application/merge-patch+json')
}

/** As the kubelet would. @testonly */
export async function setReady(api: ApiServer, namespace: string, name: string, isReady: boolean): Promise<void> {
  await patchStatus(api, namespace, name, { conditions: readiness(isReady) })
}

/** @testonly */
export async function deletePod(api: ApiServer, namespace: string, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`
  await expectStatus(api, [200, 202], 'DELETE', path)
}

/** @testonly */
export async function createNamespace(api: ApiServer, name: string, labels: PodObject['labels']): Promise<void> {
  await expectStatus(api, [201], 'POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  })
}
