// What the agent answers locally: its status, its plan, its journal, and pings through the mesh.

import type { ServerResponse } from 'node:http'
import { fromUtf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { flowsShownMax, gossipFileBytesMax } from '../../shared/limits.ts'
import { metricsContentType } from '../../shared/metrics-text.ts'
import type { Agent } from '../agent.ts'
import { mirrorEnd, mirrorOrder } from '../mirror/order.ts'
import type { Store } from '../store/store.ts'
import {
  type FlowFaultAnswer,
  type ImportAnswer,
  journalLimitMax,
  type MirrorStatusAnswer,
  orderBytesMax,
  overrideOrder,
  paths,
  pingCountMax,
  restoreOrder,
} from './api.ts'
import { pathRoutes } from './path-routes.ts'
import { measurePeers, type PingDoors, ping } from './ping.ts'
import type { LocalRoute } from './server.ts'
import { showOp } from './shown-op.ts'
import { updateRoutes } from './update-routes.ts'

export interface LocalDoors extends PingDoors {
  readonly agent: Omit<Agent, 'start' | 'stop'>
  readonly store: Pick<Store, 'loadJournal'>
  /** In the text format of Prometheus. */
  readonly metrics: () => Promise<string>
  /** Ends the agent's process; the kernel is left as it is. */
  readonly stop: () => void
}

function count(query: URLSearchParams, key: string, otherwise: number, max: number): number {
  const text = query.get(key)
  const value = text === null ? otherwise : Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new HoldfastError('invalid', `${key} is not a number from 1 to ${max}`, { field: key })
  }
  return value
}

/** A number that only grows, 0 where it is not given. */
function moment(query: URLSearchParams, key: string): number {
  const value = Number(query.get(key) ?? 0)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new HoldfastError('invalid', `${key} is not a number`, { field: key })
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body)) as unknown
  } catch (cause) {
    throw new HoldfastError('invalid', 'the request is not JSON', { cause })
  }
}

function keyRoutes({ agent }: LocalDoors): readonly LocalRoute[] {
  return [
    { method: 'GET', path: paths.keys, handle: () => agent.keys() },
    { method: 'POST', path: paths.rotateKey, order: true, handle: () => agent.rotateKey() },
    { method: 'POST', path: paths.rotateDeviceKey, order: true, handle: () => agent.rotateDeviceKey() },
    { method: 'POST', path: paths.forgetKeys, order: true, handle: () => agent.forgetKeys() },
    { method: 'POST', path: paths.drain, order: true, handle: () => agent.drain.set(true) },
    { method: 'POST', path: paths.drainEnd, order: true, handle: () => agent.drain.set(false) },
    { method: 'POST', path: paths.goes, order: true, handle: () => agent.drain.go() },
  ]
}

function flowRoutes({ agent }: LocalDoors): readonly LocalRoute[] {
  return [
    {
      method: 'GET',
      path: paths.flows,
      handle: async (query) => {
        const peer = query.get('peer')
        return await agent.flows.query({
          sinceMs: moment(query, 'since'),
          afterSeq: moment(query, 'after'),
          denied: query.get('denied') === 'true',
          limit: count(query, 'limit', flowsShownMax, flowsShownMax),
          ...(peer === null ? {} : { peer }),
        })
      },
    },
    {
      method: 'GET',
      path: paths.flowBatches,
      handle: async (query) =>
        await agent.flows.batches({
          sinceMs: moment(query, 'since'),
          ...(query.has('before') ? { beforeSeq: moment(query, 'before') } : {}),
        }),
    },
    { method: 'GET', path: paths.flowFault, handle: (): FlowFaultAnswer => ({ fault: agent.flows.fault() }) },
  ]
}

function overrideRoutes({ agent }: LocalDoors): readonly LocalRoute[] {
  const order = { method: 'POST', bodyBytesMax: orderBytesMax, order: true } as const
  return [
    { method: 'GET', path: paths.overrides, handle: () => ({ overrides: agent.overrides.views() }) },
    {
      ...order,
      path: paths.override,
      handle: (_query, _response, body) => agent.overrides.set(parseWith(overrideOrder, jsonOf(body))),
    },
    {
      ...order,
      path: paths.restore,
      handle: (_query, _response, body) => {
        const { by, id } = parseWith(restoreOrder, jsonOf(body))
        return { overrides: [agent.overrides.restore(id, by)] }
      },
    },
  ]
}

function mirrorRoutes({ agent }: LocalDoors): readonly LocalRoute[] {
  const order = { method: 'POST', bodyBytesMax: orderBytesMax, order: true } as const
  return [
    { method: 'GET', path: paths.mirror, handle: (): MirrorStatusAnswer => ({ mirror: agent.mirror.view() }) },
    {
      ...order,
      path: paths.mirrorStart,
      handle: (_query, _response, body) => agent.mirror.start(parseWith(mirrorOrder, jsonOf(body))),
    },
    {
      ...order,
      path: paths.mirrorStop,
      handle: (_query, _response, body) => agent.mirror.stop(parseWith(mirrorEnd, jsonOf(body))),
    },
  ]
}

function pings(doors: LocalDoors, query: URLSearchParams, response: ServerResponse): Promise<void> {
  return ping(doors, query.get('node') ?? '', count(query, 'count', 4, pingCountMax), response)
}

async function sendMetrics({ metrics }: LocalDoors, response: ServerResponse): Promise<void> {
  const text = await metrics()
  response.writeHead(200, { 'content-type': metricsContentType }).end(text)
}

export function localRoutes(doors: LocalDoors): readonly LocalRoute[] {
  const { agent, store } = doors
  return [
    {
      method: 'GET',
      path: paths.status,
      handle: async (query) => {
        if (query.get('measure') === 'true') await measurePeers(doors)
        return agent.status()
      },
    },
    { method: 'GET', path: paths.metrics, handle: (_query, response) => sendMetrics(doors, response) },
    { method: 'GET', path: paths.plan, handle: async () => ({ ops: (await agent.plan()).map(showOp) }) },
    {
      method: 'GET',
      path: paths.journal,
      handle: (query) => ({ entries: store.loadJournal(count(query, 'limit', 100, journalLimitMax)) }),
    },
    {
      method: 'POST',
      path: paths.wake,
      handle: () => {
        agent.wake()
        return { woken: true }
      },
    },
    {
      method: 'POST',
      path: paths.retry,
      handle: () => {
        if (agent.retry()) return { retried: true }
        throw new HoldfastError('conflict', 'no revision is in quarantine on this node')
      },
    },
    {
      method: 'POST',
      path: paths.confirm,
      handle: () => {
        if (agent.confirm()) return { confirmed: true }
        throw new HoldfastError('conflict', 'no revision is on trial on this node', {
          remedy: 'One that was taken back is tried again by `holdfast retry`.',
        })
      },
    },
    {
      method: 'POST',
      path: paths.trust,
      handle: (query) => {
        agent.trustAnew((query.get('detail') ?? '').slice(0, 200))
        return { trusted: true }
      },
    },
    {
      method: 'POST',
      path: paths.stop,
      handle: (_query, response) => {
        // After the answer has left: stopping closes this very socket.
        response.once('finish', doors.stop)
        return { stopping: true }
      },
    },
    {
      method: 'GET',
      path: paths.intent,
      handle: (_query, response) => {
        const file = agent.exportIntent()
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file)
      },
    },
    {
      method: 'POST',
      path: paths.intent,
      bodyBytesMax: gossipFileBytesMax,
      handle: (_query, _response, body): ImportAnswer => {
        const taken = agent.importIntent(body)
        return { taken, held: agent.status().revision.held }
      },
    },
    ...pathRoutes(agent),
    ...keyRoutes(doors),
    ...overrideRoutes(doors),
    ...mirrorRoutes(doors),
    ...flowRoutes(doors),
    ...updateRoutes(agent),
    { method: 'GET', path: paths.ping, handle: (query, response) => pings(doors, query, response) },
  ]
}
