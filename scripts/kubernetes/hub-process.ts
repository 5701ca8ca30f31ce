// Replicas of the hub as processes of their own, and in front of them what a cluster has: a Service, which leads wherever its
// EndpointSlice says.

import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ApiServer } from './api-server.ts'

const main = join(import.meta.dirname, '../../cloud/main.ts')

export interface HubProcess {
  readonly name: string
  readonly data: string
  readonly port: number
  readonly child: ChildProcess
  /** All that it logged so far. */
  log(): string
  /** Signal or exit code. */
  readonly ended: Promise<string>
}

export interface HubPlace {
  readonly name: string
  readonly data: string
  /** As its pod has it; an EndpointSlice takes none of loopback. */
  readonly address: string
  readonly port: number
  /** Of the Service. */
  readonly url: string
  readonly leaseS: number
}

/** @testonly */
export function startHub(api: ApiServer, { address, data, leaseS, name, port, url }: HubPlace): HubProcess {
  const at = `127.0.0.1:${port}`
  const words = ['serve', '--kubernetes', '--data', data, '--listen', at, '--mqtt', at, '--url', url]
  const env = {
    ...process.env,
    KUBECONFIG: api.hubKubeconfig,
    POD_NAME: name,
    POD_NAMESPACE: 'holdfast',
    POD_IP: address,
  }
  const args = ['--pdeathsig', 'KILL', process.execPath, main, ...words, '--lease-seconds', String(leaseS)]
  const child = spawn('setpriv', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()))
  const ended = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? String(code))))
  return { name, data, port, child, log: () => said, ended }
}

interface Slice {
  readonly endpoints: readonly { readonly addresses: readonly string[] }[]
  readonly ports: readonly { readonly name: string; readonly port: number }[]
}

export interface Service {
  readonly port: number
  /** Where it leads now. */
  target(): Promise<{ readonly host: string; readonly port: number } | undefined>
  close(): Promise<void>
}

/** What kube-proxy does, for connections to one port: each goes to whoever the EndpointSlice names as it comes. @testonly */
export async function startService(api: ApiServer): Promise<Service> {
  const path = '/apis/discovery.k8s.io/v1/namespaces/holdfast/endpointslices/holdfast-hub-leader'
  let last: { readonly host: string; readonly port: number } | undefined
  const target: Service['target'] = async () => {
    const answer = await api.ask('GET', path).catch(() => undefined)
    // As kube-proxy: what was heard last holds while the API server is away.
    if (answer === undefined) return last
    if (answer.status !== 200) return undefined
    const { endpoints, ports } = answer.body as Slice
    const [host, port] = [endpoints[0]?.addresses[0], ports.find(({ name }) => name === 'https')?.port]
    last = host === undefined || port === undefined ? undefined : { host, port }
    return last
  }
  const sockets = new Set<Socket>()
  const keep = (socket: Socket, other: () => Socket | undefined): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      other()?.destroy()
    })
  }
  const server: Server = createServer({ pauseOnConnect: true }, (socket) => {
    let far: Socket | undefined
    keep(socket, () => far)
    void target().then((to) => {
      if (to === undefined) return socket.destroy()
      // Addresses of pods are this machine's here; their ports tell them apart.
      far = connect({ host: '127.0.0.1', port: to.port })
      keep(far, () => socket)
      far.pipe(socket)
      socket.pipe(far)
      return undefined
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    target,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
