// A whole hub on loopback and a plain HTTPS client, for tests that treat it badly.

import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import * as assert from 'uvu/assert'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import type { Role } from '../access/access-store.ts'
import { scratch } from '../broker/broker.fake.ts'
import { type Server, startServer } from './server.ts'
import { resolveSettings } from './settings.ts'

export interface Answer {
  readonly status: number
  readonly text: string
}

interface Operation {
  readonly security: readonly unknown[]
  readonly description: string
}

export interface Route {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

type Call = (method: string, path: string, token?: string, body?: string | Uint8Array) => Promise<Answer>

export interface Attacker {
  readonly call: Call
  /** As `call`, for what must succeed. */
  readonly json: <T>(...words: Parameters<Call>) => Promise<T>
  readonly makeToken: (
    name: string,
    role: Role,
    ttl?: string,
  ) => Promise<{ readonly id: string; readonly token: string }>
  /** What the hub says of itself, as any client sees it; every parameter is `x`. */
  readonly routes: () => Promise<readonly Route[]>
  admin(): string
  readonly lines: readonly LogLine[]
  /** Moves the hub's clock on, so that tokens expire and throttles recover; sockets live by the real one. */
  pass(ms: number): void
  start(): Promise<void>
  restart(): Promise<void>
  end(): Promise<void>
}

export function createAttacker(prefix: string): Attacker {
  const directory = scratch(prefix)
  const lines: LogLine[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  let later = 0
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + later,
    monotonic: () => systemClock.monotonic() + later,
  }
  const settings = resolveSettings({}, { data: directory.path, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false)
  const begin = (): Promise<Server> => startServer(settings, { clock, entropy: systemEntropy, log: memoryLog(lines) })
  let server: Server | undefined
  let admin = ''

  const call: Call = (method, path, token, body) => {
    const { hostname: host, port } = new URL(server?.url ?? '')
    const ca = readFileSync(`${directory.path}/tls/authority.crt`)
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return new Promise((resolve, reject) => {
      const outgoing = request({ host, port, ca, agent, method, path, headers }, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  async function json<T>(...words: Parameters<Call>): Promise<T> {
    const { status, text } = await call(...words)
    assert.ok(status < 300, text)
    return JSON.parse(text) as T
  }

  return {
    call,
    json,
    makeToken: (name, role, ttl) =>
      json('POST', '/api/v1/access', admin, JSON.stringify({ name, role, ...(ttl === undefined ? {} : { ttl }) })),
    async routes() {
      const document = await json<{ paths: Record<string, Record<string, Operation>> }>(
        'GET',
        '/api/v1/openapi.json',
        admin,
      )
      return Object.entries(document.paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({
          method: method.toUpperCase(),
          path: path.replaceAll(/\{\w+\}/g, 'x'),
          operation,
        })),
      )
    },
    admin: () => admin,
    lines,
    pass: (ms) => void (later += ms),
    async start() {
      server = await begin()
      admin = server.firstToken ?? ''
    },
    async restart() {
      await server?.stop()
      server = await begin()
    },
    async end() {
      agent.destroy()
      await server?.stop()
      directory.remove()
    },
  }
}
