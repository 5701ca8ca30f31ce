// Commands of people to one device each: signed, handed to the broker, answered or not; what came of them is kept for a while.

import { fromUtf8 } from '../../shared/bytes.ts'
import { commandAnswerBytesMax, commandLifeMsDefault, commandsOpenMax } from '../../shared/command-limits.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
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
import { type CommandStore, createCommandLedger } from './ledger.ts'

export interface NodeCommandsParts {
  readonly fleet: Pick<Fleet, 'session' | 'show' | 'enrolment'>
  readonly networks: Pick<Networks, 'get'>
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly listeners: Listeners
  readonly note: Hub['note']
  readonly store: CommandStore
}

export interface NodeCommands extends HubCommands {
  /** Takes up what an earlier life of the hub has left, once it is known which devices there are. */
  start(): void
  /** A chunk of an answer. Throws where it is none of that device's. */
  heard(node: NodeId, payload: Uint8Array): void
  stop(): void
}

const hub: Actor = { name: 'hub', role: 'admin' }
const ENDED = { done: 'answered', failed: 'failed', refused: 'refused' } as const
const UNKNOWN = 'Look at the device before you give it again.'
const CHUNKS_MAX = Math.ceil((commandAnswerFrameMax + commandAnswerBytesMax) / chunkDataMax)

function wordsOf({ kind, peer }: Pick<NodeCommand, 'kind' | 'peer'>): string {
  return peer === undefined ? kind : `${kind} ${peer}`
}

/** Such a one is not given twice: who looks twice changes nothing. */
const changesDevice = ({ kind }: Pick<NodeCommand, 'kind'>): boolean => kind === 'rotate-key'

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
  const ledger = createCommandLedger(parts.store, clock)
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

  const end = (asked: Asked, state: keyof typeof ended, more: Partial<NodeCommand>, file?: Uint8Array): void => {
    const { sentAt } = asked
    const tookMs = sentAt === undefined || state === 'expired' ? {} : { tookMs: Math.round(clock.monotonic() - sentAt) }
    asked.view = { ...asked.view, ...more, ...tookMs, state, endedAt: clock.now() }
    assemblies.delete(asked.view.id)
    ended[state] += 1
    try {
      ledger.keep(asked, file)
    } catch (error) {
      log.warn('what came of a command could not be kept', { reason: describeError(error) })
      // What is on the disk is not what was brought.
      if (file !== undefined) {
        const { file: _, ...view } = asked.view
        asked.view = { ...view, message: 'the hub could not keep the file', remedy: 'Look at its disk, and ask again.' }
      }
    }
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
      asked.wasSent && asked.sentAt === undefined
        ? [`the hub was restarted before ${node} answered: whether it was done is not known`, UNKNOWN]
        : state === 'queued'
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
    // One that has said nothing since this hub started judges for itself.
    const report = fleet.show(nodeId, [])?.report
    const objection = report === undefined ? undefined : objectionTo(view.kind, view.node, report.commands)
    if (objection !== undefined) return refuse(asked, objection)
    const { createdAt: issuedAt, expiresAt, id, kind, peer } = view
    serial = Math.max(serial + 1, clock.now())
    const named = { ...(peer === undefined ? {} : { peer }), ...(count === undefined ? {} : { count }) }
    const to = { network: live.state.id, node: nodeId, id, session, serial, issuedAt, expiresAt }
    const deflated = deflate(sealCommand({ ...to, kind, ...named }, signer, sha256))
    asked.view = { ...view, state: 'sent' }
    // Before it is on its way: a hub that is restarted knows that it may have been done.
    try {
      ledger.keep(asked)
    } catch (error) {
      const message = `the hub could not write down that it is given: ${describeError(error)}`
      return end(asked, 'failed', { code: 'failed', message: message.slice(0, 500), remedy: 'Look at its disk.' })
    }
    asked.sentAt = clock.monotonic()
    live.link.tell(nodeId, encodeChunks('command', id, deflated, sha256(deflated)))
    tell(asked)
  }

  const unwatch = listeners.watch((event) => {
    if (event.type !== 'node' || event.state !== 'online') return
    for (const asked of ledger.open()) {
      if (asked.view.node === event.name && !(asked.view.state === 'sent' && changesDevice(asked.view))) deliver(asked)
    }
  })

  const take = (asked: Asked, { id, result, state, ...said }: CommandAnswer): void => {
    const why = {
      ...(said.code === undefined ? {} : { code: said.code }),
      ...(said.message === undefined ? {} : { message: said.message }),
      ...(said.remedy === undefined ? {} : { remedy: said.remedy }),
    }
    if (state !== 'done') return end(asked, ENDED[state], why)
    if (asked.view.kind === 'bundle') {
      asked.size = result.length
      end(asked, 'answered', { file: { bytes: result.length, path: `/api/v1/commands/${id}/result` } }, result)
    } else {
      try {
        const read = JSON.parse(fromUtf8(result)) as unknown
        // What can't be written again is not kept either.
        JSON.stringify(read)
        asked.size = result.length
        end(asked, 'answered', { result: read })
      } catch (error) {
        const message = `its answer can't be read: ${describeError(error)}`
        end(asked, 'failed', { code: 'invalid', message: message.slice(0, 500) })
      }
    }
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

  const gather = (chunk: ReturnType<typeof parseChunk>) => {
    const assembly = assemblies.get(chunk.id) ?? new Assembly(chunk.id)
    assemblies.set(chunk.id, assembly)
    try {
      return assembly.add(chunk)
    } catch (error) {
      if (!isHoldfastError(error, 'invalid')) throw error
      // One that was asked again after a restart answers again: the rest of its first answer may be there before.
      const anew = new Assembly(chunk.id)
      assemblies.set(chunk.id, anew)
      return anew.add(chunk)
    }
  }

  /** An answer may have come, and gone, while this hub was away. What only looks is asked again; what changes a device is not. */
  const resume = (asked: Asked): void => {
    if (asked.view.state === 'sent' && !changesDevice(asked.view)) asked.view = { ...asked.view, state: 'queued' }
    clock.after(Math.max(0, asked.view.expiresAt - clock.now()), () => expire(asked))
  }

  return {
    start() {
      ledger.load()
      for (const asked of ledger.open()) resume(asked)
    },
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
      const asked: Asked = { view, nodeId, network, count, sentAt: undefined, wasSent: false, size: 0 }
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
      const bytes = asked?.view.file === undefined ? undefined : ledger.file(id)
      if (asked === undefined || bytes === undefined) return undefined
      return { name: `${asked.view.node}-${id}.tar.gz`, bytes }
    },
    figures: () => ({ open: ledger.open().length, ended: { ...ended } }),
    heard(node, payload) {
      const chunk = parseChunk(payload)
      const asked = ledger.get(chunk.id)
      // After its end, or one that this hub has forgotten.
      if (asked?.view.state !== 'sent') return
      if (asked.nodeId !== node) throw new HoldfastError('untrusted', 'it answers a command to another device')
      if (chunk.count > CHUNKS_MAX) throw new HoldfastError('too-large', `an answer of ${chunk.count} chunks`)
      const whole = gather(chunk)
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
