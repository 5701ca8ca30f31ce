// The CLI's side of the local API.

import { type IncomingMessage, request } from 'node:http'
import { concat, fromUtf8, utf8 } from '../../shared/bytes.ts'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import type { FlowQuery, FlowsAnswer } from '../../shared/flows/query.ts'
import { gossipFileBytesMax } from '../../shared/limits.ts'
import type { PeerHistory } from '../../shared/wire/history.ts'
import type { AgentStatus, KeysReport } from '../agent.ts'
import type { BatchesAnswer, BatchesQuery } from '../flows/batches.ts'
import type { MirrorEnd, MirrorOrder } from '../mirror/order.ts'
import type { MirrorAnswer } from '../mirror/people.ts'
import type { OverrideOrder } from '../override/book.ts'
import type { OverrideAnswer } from '../override/people.ts'
import type { PathsReport } from '../paths/report.ts'
import type { DrainReport } from '../services/drain.ts'
import type { UpdateAnswer } from '../update/update.ts'
import {
  type FlowFaultAnswer,
  type ImportAnswer,
  type JournalAnswer,
  type MirrorStatusAnswer,
  type OverridesAnswer,
  type PingLine,
  type PlanAnswer,
  paths,
  type RestoreOrder,
  type UpdatesAnswer,
} from './api.ts'
import type { ErrorBody } from './server.ts'

/** A turn of planning on a busy Raspberry Pi takes a second or two. */
const TIMEOUT_MS = 20_000
/** A status with every peer of the largest network. */
const ANSWER_BYTES_MAX = 32 << 20

export interface LocalClient {
  /** `measure` asks for fresh round trips to the peers first. */
  status(measure: boolean): Promise<AgentStatus>
  /** In the text format of Prometheus. */
  metrics(): Promise<string>
  paths(): Promise<PathsReport>
  /** `node`: name, id or mesh address of the peer. */
  history(node: string): Promise<PeerHistory>
  plan(): Promise<PlanAnswer>
  journal(limit: number): Promise<JournalAnswer>
  flows(query: FlowQuery): Promise<FlowsAnswer>
  flowBatches(query: BatchesQuery): Promise<BatchesAnswer>
  flowFault(): Promise<FlowFaultAnswer>
  wake(): Promise<void>
  /** Throws `conflict` where no revision is in quarantine. */
  retry(): Promise<void>
  /** Throws `conflict` where no revision is on trial. */
  confirm(): Promise<void>
  stop(): Promise<void>
  /** Throws `unsupported` where no other version could be started. */
  updates(): Promise<UpdatesAnswer>
  /** Ends the agent: the build in the other slot, which is the one of that digest, is started. */
  update(sha256: string): Promise<UpdateAnswer>
  /** What is pinned was changed on the disk: the agent reads it again. `detail` goes into the journal. */
  trustAnew(detail: string): Promise<void>
  keys(): Promise<KeysReport>
  rotateKey(): Promise<KeysReport>
  rotateDeviceKey(): Promise<KeysReport>
  forgetKeys(): Promise<KeysReport>
  drain(): Promise<DrainReport>
  drainEnd(): Promise<DrainReport>
  /** It is about to go: nobody is to send it anything new. */
  go(): Promise<DrainReport>
  overrides(): Promise<OverridesAnswer>
  override(order: OverrideOrder): Promise<OverrideAnswer>
  restore(order: RestoreOrder): Promise<OverridesAnswer>
  mirror(): Promise<MirrorStatusAnswer>
  mirrorStart(order: MirrorOrder): Promise<MirrorAnswer>
  mirrorStop(end: MirrorEnd): Promise<MirrorAnswer>
  ping(node: string, count: number): AsyncIterable<PingLine>
  /** A file with all that the agent knows. */
  exportIntent(): Promise<Uint8Array>
  importIntent(file: Uint8Array): Promise<ImportAnswer>
}

/** Who the CLI cannot reach: told apart from every other failure, because `status` goes on without an agent. */
export function isAgentDown(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === 'unreachable'
}

function connectError(path: string, error: NodeJS.ErrnoException): HoldfastError {
  if (error.code === 'EACCES') {
    return new HoldfastError('forbidden', `no permission to talk to the agent at ${path}`, {
      remedy: 'Run this as root: `sudo holdfast …`.',
      cause: error,
    })
  }
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new HoldfastError('unreachable', 'the agent is not running', {
      remedy: 'Start it with `systemctl start holdfast` or `holdfast agent`; is --state right?',
      cause: error,
    })
  }
  return new HoldfastError('failed', `the agent at ${path} did not answer: ${error.message}`, { cause: error })
}

async function* linesOf(response: IncomingMessage): AsyncIterable<string> {
  let rest = ''
  response.setEncoding('utf8')
  for await (const part of response as AsyncIterable<string>) {
    const lines = `${rest}${part}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

async function readAll(response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > bytesMax) throw new HoldfastError('too-large', 'the agent’s answer is too large')
    parts.push(part)
  }
  return concat(...parts)
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  return JSON.parse(fromUtf8(await readAll(response, ANSWER_BYTES_MAX)))
}

function refusal(body: unknown): HoldfastError {
  const { code, field, message, remedy } = (body as { error: ErrorBody }).error
  return new HoldfastError(code as ErrorCode, message, {
    ...(field === undefined ? {} : { field }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

export function createLocalClient(socketPath: string): LocalClient {
  const call = (
    method: 'GET' | 'POST',
    path: string,
    timeoutMs?: number,
    body?: Uint8Array,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = request({
        // A connection of its own: one kept alive would outlast the agent it goes to.
        agent: false,
        socketPath,
        method,
        path,
        host: 'agent',
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      })
      outgoing.once('timeout', () => outgoing.destroy(new HoldfastError('failed', 'no answer in time')))
      outgoing.once('error', (error) => reject(connectError(socketPath, error)))
      outgoing.once('response', resolve)
      outgoing.end(body)
    })
  const ask = async (method: 'GET' | 'POST', path: string, sent?: Uint8Array): Promise<unknown> => {
    const response = await call(method, path, TIMEOUT_MS, sent)
    const body = await readJson(response)
    if (response.statusCode !== 200) throw refusal(body)
    return body
  }
  const order = (path: string, what: object): Promise<unknown> => ask('POST', path, utf8(JSON.stringify(what)))
  return {
    status: async (measure) => (await ask('GET', `${paths.status}?measure=${measure}`)) as AgentStatus,
    async metrics() {
      const response = await call('GET', paths.metrics, TIMEOUT_MS)
      if (response.statusCode !== 200) throw refusal(await readJson(response))
      return fromUtf8(await readAll(response, ANSWER_BYTES_MAX))
    },
    paths: async () => (await ask('GET', paths.paths)) as PathsReport,
    history: async (node) => (await ask('GET', `${paths.history}?node=${encodeURIComponent(node)}`)) as PeerHistory,
    plan: async () => (await ask('GET', paths.plan)) as PlanAnswer,
    journal: async (limit) => (await ask('GET', `${paths.journal}?limit=${limit}`)) as JournalAnswer,
    flows: async ({ afterSeq, denied, limit, peer, sinceMs }) => {
      const query = new URLSearchParams({
        since: `${sinceMs}`,
        after: `${afterSeq}`,
        limit: `${limit}`,
        denied: `${denied}`,
      })
      if (peer !== undefined) query.set('peer', peer)
      return (await ask('GET', `${paths.flows}?${query.toString()}`)) as FlowsAnswer
    },
    flowBatches: async ({ beforeSeq, sinceMs }) => {
      const before = beforeSeq === undefined ? '' : `&before=${beforeSeq}`
      return (await ask('GET', `${paths.flowBatches}?since=${sinceMs}${before}`)) as BatchesAnswer
    },
    flowFault: async () => (await ask('GET', paths.flowFault)) as FlowFaultAnswer,
    wake: async () => void (await ask('POST', paths.wake)),
    retry: async () => void (await ask('POST', paths.retry)),
    confirm: async () => void (await ask('POST', paths.confirm)),
    stop: async () => void (await ask('POST', paths.stop)),
    updates: async () => (await ask('GET', paths.update)) as UpdatesAnswer,
    update: async (sha256) => (await ask('POST', `${paths.update}?sha256=${sha256}`)) as UpdateAnswer,
    async exportIntent() {
      const response = await call('GET', paths.intent, TIMEOUT_MS)
      if (response.statusCode !== 200) throw refusal(await readJson(response))
      return await readAll(response, gossipFileBytesMax)
    },
    importIntent: async (file) => (await ask('POST', paths.intent, file)) as ImportAnswer,
    trustAnew: async (detail) => void (await ask('POST', `${paths.trust}?detail=${encodeURIComponent(detail)}`)),
    keys: async () => (await ask('GET', paths.keys)) as KeysReport,
    rotateKey: async () => (await ask('POST', paths.rotateKey)) as KeysReport,
    rotateDeviceKey: async () => (await ask('POST', paths.rotateDeviceKey)) as KeysReport,
    forgetKeys: async () => (await ask('POST', paths.forgetKeys)) as KeysReport,
    drain: async () => (await ask('POST', paths.drain)) as DrainReport,
    drainEnd: async () => (await ask('POST', paths.drainEnd)) as DrainReport,
    go: async () => (await ask('POST', paths.goes)) as DrainReport,
    overrides: async () => (await ask('GET', paths.overrides)) as OverridesAnswer,
    override: async (what) => (await order(paths.override, what)) as OverrideAnswer,
    restore: async (what) => (await order(paths.restore, what)) as OverridesAnswer,
    mirror: async () => (await ask('GET', paths.mirror)) as MirrorStatusAnswer,
    mirrorStart: async (what) => (await order(paths.mirrorStart, what)) as MirrorAnswer,
    mirrorStop: async (what) => (await order(paths.mirrorStop, what)) as MirrorAnswer,
    async *ping(node, count) {
      const response = await call('GET', `${paths.ping}?node=${encodeURIComponent(node)}&count=${count}`)
      if (response.statusCode !== 200) throw refusal(await readJson(response))
      for await (const line of linesOf(response)) yield JSON.parse(line) as PingLine
    },
  }
}
