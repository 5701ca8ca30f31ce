// Commands of people to one device each: signed, handed to the broker, answered or not; what came of them is kept for a while.

import { fromUtf8 } from '../../shared/bytes.ts'
import { commandAnswerBytesMax, commandLifeMsDefault, commandsOpenMax } from '../../shared/command-limits.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { base32, type Name, type NodeId } from '../../shared/ids.ts'
import {
  type CommandAnswer,
  type CommandKind,
  commandAnswerFrameMax,
  openAnswer,
  sealCommand,
} from '../../shared/wire/command.ts'
import { Assembly, chunkDataMax, encodeChunks, parseChunk } from '../../shared/wire/sync.ts'
import type { Actor } from '../audit.ts'
import type { Listeners } from '../event-listeners.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Hub, HubOptions } from '../hub.ts'
import type { Networks } from '../publish/networks.ts'
import type { Enrolment } from '../store/hub-store.ts'
import type { Asked, CommandState, HubCommands, NodeCommand } from './asked.ts'
import { createCommandLedger } from './ledger.ts'

export interface NodeCommandsParts {
  readonly fleet: Pick<Fleet, 'session' | 'show' | 'enrolment'>
  readonly networks: Pick<Networks, 'get'>
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly listeners: Listeners
  readonly note: Hub['note']
}

export interface NodeCommands extends HubCommands {
  /** A chunk of an answer. Throws where it is none of that device's. */
  heard(node: NodeId, payload: Uint8Array): void
  stop(): void
}

const hub: Actor = { name: 'hub', role: 'admin' }
const ENDED = { done: 'answered', failed: 'failed', refused: 'refused' } as const
const CHUNKS_MAX = Math.ceil((commandAnswerFrameMax + commandAnswerBytesMax) / chunkDataMax)

function wordsOf({ kind, peer }: Pick<NodeCommand, 'kind' | 'peer'>): string {
  return peer === undefined ? kind : `${kind} ${peer}`
}

/** Why the device would not do it, by what it said last; undefined where nothing speaks against it. */
function objectionTo(
  kind: CommandKind,
  name: Name,
  commands: readonly string[] | undefined,
): HoldfastError | undefined {
  if (commands === undefined) {
    return new HoldfastError('unsupported', `the agent of ${name} takes no commands`, {
      remedy: 'Update it: see `holdfast-hub release add` and AgentUpdate.',
    })
  }
  if (commands.includes(kind)) return undefined
  return new HoldfastError('forbidden', `${name} does no ${kind} for its hub`, {
    remedy: 'Its setting `commands` says so, or its agent is older than that: update it, or do it there by hand.',
  })
}

export function createNodeCommands(options: HubOptions, parts: NodeCommandsParts): NodeCommands {
  const { clock, deflate, entropy, log, sha256, signer, verify } = options
  const { enrolments, fleet, listeners, networks } = parts
  const ledger = createCommandLedger()
  const assemblies = new Map<string, Assembly>()
  const ended = { answered: 0, failed: 0, refused: 0, expired: 0 }
  let serial = 0
  let stopped = false

  const note = (actor: Actor, verb: string, { node, ...view }: NodeCommand): void => {
    const why = view.message === undefined ? '' : `: ${view.message}`
    parts.note(actor, verb, `node/${node}`, `${wordsOf(view)}, command ${view.id}${why}`)
  }
  const tell = ({ view: { id, kind, node: name, state } }: Asked): void =>
    listeners.emit({ type: 'command', id, name, kind, state })

  const end = (asked: Asked, state: keyof typeof ended, more: Partial<NodeCommand>): void => {
    const { sentAt } = asked
    const tookMs = sentAt === undefined || state === 'expired' ? {} : { tookMs: Math.round(clock.monotonic() - sentAt) }
    asked.view = { ...asked.view, ...more, ...tookMs, state, endedAt: clock.now() }
    assemblies.delete(asked.view.id)
    ended[state] += 1
    try {
      const by: Actor = state === 'expired' ? hub : { name: asked.view.node, role: 'device' }
      note(by, `command-${state}`, asked.view)
    } catch (error) {
      log.warn('what came of a command could not be written down', { reason: describeError(error) })
    }
    tell(asked)
  }

  const refuse = (asked: Asked, { code, message, remedy }: HoldfastError): void =>
    end(asked, 'refused', { code, message, ...(remedy === undefined ? {} : { remedy }) })

  const expire = (asked: Asked): void => {
    const { node, state } = asked.view
    if (stopped || (state !== 'queued' && state !== 'sent')) return
    const [message, remedy] =
      state === 'queued'
        ? [`${node} was away all the while`, 'Give it again when it is back.']
        : [`no answer came from ${node} in time`, `See \`holdfast-hub explain node ${node}\`.`]
    end(asked, 'expired', { code: 'expired', message, remedy })
  }

  /** Hands it to the broker, for the life that the device leads now. */
  const deliver = (asked: Asked): void => {
    const { count, network, nodeId, view } = asked
    const session = fleet.session(nodeId)
    const live = networks.get(network)
    if (session === undefined || live === undefined) return
    const objection = objectionTo(view.kind, view.node, fleet.show(nodeId, [])?.report?.commands)
    if (objection !== undefined) return refuse(asked, objection)
    const { createdAt: issuedAt, expiresAt, id, kind, peer } = view
    serial = Math.max(serial + 1, clock.now())
    const named = { ...(peer === undefined ? {} : { peer }), ...(count === undefined ? {} : { count }) }
    const to = { network: live.state.id, node: nodeId, id, session, serial, issuedAt, expiresAt }
    const deflated = deflate(sealCommand({ ...to, kind, ...named }, signer, sha256))
    asked.sentAt = clock.monotonic()
    asked.view = { ...view, state: 'sent' }
    live.link.tell(nodeId, encodeChunks('command', id, deflated, sha256(deflated)))
    tell(asked)
  }

  const unwatch = listeners.watch((event) => {
    if (event.type !== 'node' || event.state !== 'online') return
    for (const asked of ledger.open()) if (asked.view.node === event.name) deliver(asked)
  })

  const take = (asked: Asked, { id, result, state, ...said }: CommandAnswer): void => {
    const why = {
      ...(said.code === undefined ? {} : { code: said.code }),
      ...(said.message === undefined ? {} : { message: said.message }),
      ...(said.remedy === undefined ? {} : { remedy: said.remedy }),
    }
    if (state !== 'done') return end(asked, ENDED[state], why)
    if (asked.view.kind === 'bundle') {
      const file = { bytes: result.length, path: `/api/v1/commands/${id}/result` }
      end(asked, 'answered', { file })
    } else {
      try {
        const read = JSON.parse(fromUtf8(result)) as unknown
        // What can't be written again is not kept either.
        JSON.stringify(read)
        end(asked, 'answered', { result: read })
      } catch (error) {
        const message = `its answer can't be read: ${describeError(error)}`
        return end(asked, 'failed', { code: 'invalid', message: message.slice(0, 500) })
      }
    }
    ledger.keepResult(asked, result)
  }

  const refuseBusy = (nodeId: NodeId, name: Name): void => {
    const busy = ledger.openOf(nodeId)
    if (busy !== undefined) {
      throw new HoldfastError('conflict', `${name} has not answered a ${busy.view.kind} yet`, {
        remedy: 'One at a time: wait until that has ended.',
      })
    }
    if (ledger.open().length < commandsOpenMax) return
    throw new HoldfastError('exhausted', `${commandsOpenMax} commands wait for their answers`, {
      remedy: 'Wait until some have ended.',
    })
  }

  return {
    send(node, { count, expiresInS, kind, peer }, actor) {
      const enrolment = enrolments.get(node as Name)
      const shown = enrolment === undefined ? undefined : fleet.show(enrolment.nodeId, [])
      if (enrolment === undefined || shown === undefined || enrolment.state === 'pending') {
        throw new HoldfastError('not-found', `no device "${node.slice(0, 70)}" has enrolled`, {
          remedy: 'See `holdfast-hub get nodes`.',
        })
      }
      const { name, network, nodeId } = enrolment
      if (shown.state === 'disabled') {
        throw new HoldfastError('conflict', `${name} is disabled: it hears nothing`, { remedy: 'Enable it first.' })
      }
      const objection = shown.report === undefined ? undefined : objectionTo(kind, name, shown.report.commands)
      if (objection !== undefined) throw objection
      refuseBusy(nodeId, name)
      const createdAt = clock.now()
      const lifeMs = expiresInS === undefined ? commandLifeMsDefault : 1_000 * expiresInS
      const id = base32(entropy.bytes(10), 16)
      const state: CommandState = 'queued'
      const of = { id, node: name, kind, ...(peer === undefined ? {} : { peer }) }
      const view = { ...of, by: actor.name, state, createdAt, expiresAt: createdAt + lifeMs }
      const asked: Asked = { view, nodeId, network, count, sentAt: undefined, bytes: undefined }
      // What is not written down is not given.
      note(actor, 'command', view)
      ledger.add(asked)
      clock.after(lifeMs, () => expire(asked))
      deliver(asked)
      if (asked.view.state === 'queued') tell(asked)
      return asked.view
    },
    get: (id) => ledger.get(id)?.view,
    list: () => ledger.all().map(({ view }) => view),
    file(id) {
      const asked = ledger.get(id)
      if (asked?.bytes === undefined || asked.view.file === undefined) return undefined
      return { name: `${asked.view.node}-${id}.tar.gz`, bytes: asked.bytes }
    },
    figures: () => ({ open: ledger.open().length, ended: { ...ended } }),
    heard(node, payload) {
      const chunk = parseChunk(payload)
      const asked = ledger.get(chunk.id)
      // Of an earlier life of this hub, or after its end.
      if (asked?.view.state !== 'sent') return
      if (asked.nodeId !== node) throw new HoldfastError('untrusted', 'it answers a command to another device')
      if (chunk.count > CHUNKS_MAX) throw new HoldfastError('too-large', `an answer of ${chunk.count} chunks`)
      const assembly = assemblies.get(chunk.id) ?? new Assembly(chunk.id)
      assemblies.set(chunk.id, assembly)
      const whole = assembly.add(chunk)
      if (whole === undefined) return
      assemblies.delete(chunk.id)
      const key = fleet.enrolment(node)?.deviceKey
      if (key === undefined) return
      const answer = openAnswer(whole.deflated, key, verify, sha256)
      if (answer.node !== node || answer.id !== chunk.id || answer.network !== networks.get(asked.network)?.state.id) {
        throw new HoldfastError('untrusted', 'it answers another command')
      }
      take(asked, answer)
    },
    stop() {
      stopped = true
      unwatch()
    },
  }
}
