// KubeEdge's MetaServer in front of a real API server, as an edge node has it on its loopback: in clear, without tokens, pages
// or bookmarks. Without the cloud it answers from what it keeps, which is what was asked for here before; watches end, and
// writes are refused. (metaManager.metaServer of KubeEdge 1.12 and later.)

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { ApiServer } from './api-server.ts'

export interface MetaServer {
  readonly url: string
  /** Paths that were asked for, with what was asked besides. */
  readonly asked: readonly string[]
  /** The cloud goes: what it keeps of what was asked for is as of now. */
  goOffline(): Promise<void>
  goOnline(): void
  close(): Promise<void>
}

/** What it knows nothing of. */
const UNKNOWN = ['limit', 'continue', 'allowWatchBookmarks', 'timeoutSeconds', 'sendInitialEvents']

function status(answer: ServerResponse, code: number, message: string): void {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }
  answer.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** @testonly */
export async function startMetaServer(api: ApiServer): Promise<MetaServer> {
  const asked: string[] = []
  const held = new Map<string, Buffer>()
  const watches = new Set<() => void>()
  let isOnline = true

  const pass = (path: string, answer: ServerResponse, isWatch: boolean): void => {
    const headers = { authorization: `Bearer ${api.token}` }
    const up = secureRequest(`${api.url}${path}`, { ca: api.authority, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, { 'content-type': 'application/json' })
      if (isWatch) return void from.pipe(answer)
      const parts: Buffer[] = []
      from.on('data', (part: Buffer) => void parts.push(part))
      from.once('end', () => {
        held.set(path, Buffer.concat(parts))
        answer.end(held.get(path))
      })
    })
    const end = (): void => {
      up.destroy()
      answer.end()
    }
    up.on('error', end)
    up.once('close', () => watches.delete(end))
    answer.once('close', () => up.destroy())
    if (isWatch) watches.add(end)
    up.end()
  }

  const take = (question: IncomingMessage, answer: ServerResponse): void => {
    const url = new URL(question.url ?? '', 'http://127.0.0.1')
    asked.push(`${question.method} ${url.pathname}${url.search}`)
    for (const key of UNKNOWN) url.searchParams.delete(key)
    if (question.method !== 'GET' && !isOnline) return status(answer, 403, 'the edge is offline: no writes')
    const path = `${url.pathname}${url.search}`
    const isWatch = url.searchParams.get('watch') !== null
    if (isOnline) return pass(path, answer, isWatch)
    const known = held.get(path)
    if (isWatch || known === undefined) return status(answer, 503, 'the edge is offline')
    answer.writeHead(200, { 'content-type': 'application/json' }).end(known)
  }

  const server = createServer(take).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async goOffline() {
      for (const path of held.keys()) held.set(path, Buffer.from(JSON.stringify((await api.ask('GET', path)).body)))
      isOnline = false
      for (const end of watches) end()
    },
    goOnline: () => void (isOnline = true),
    async close() {
      for (const end of watches) end()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
