// A device asks to join: the token opens the door, the proof shows that it holds its key, the Node says who it is.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Sha256, Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type DeviceKey, type Name, type NodeId, parseName, parseNodeId } from '../../shared/ids.ts'
import { apiVersion, parseResource, type Resource } from '../../shared/intent/resource.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { nodeIdOf } from '../../shared/record/device-link.ts'
import { type EnrolReply, type EnrolRequest, enrolProofBytes } from '../../shared/wire/enrol.ts'
import type { Understood } from '../../shared/wire/understands.ts'
import type { Actor } from '../audit.ts'
import type { BrokerAccess } from '../broker-access.ts'
import type { HubOptions } from '../hub.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { Enrolment, NetworkState, TokenRecord } from '../store/hub-store.ts'
import { giveLogIn } from './log-in.ts'
import type { Tokens } from './tokens.ts'

export interface EnrolPort {
  enrolmentOf(node: NodeId): Enrolment | undefined
  enrolmentNamed(name: Name): Enrolment | undefined
  /** Who goes by that device key now. */
  enrolmentWith(deviceKey: DeviceKey): Enrolment | undefined
  nodeNamed(name: Name): Resource<'Node'> | undefined
  /** It is approved, and waits for signatures by keys of the membership lock. */
  isUnsigned(name: Name): boolean
  networkOf(name: Name): { readonly state: NetworkState; readonly publisher: Publisher } | undefined
  /** What an agent has to understand of it: addresses in two blocks at once, say; undefined where any agent will do. */
  wordOf(name: Name): Understood | undefined
  /** Keeps enrolment and Node in one transaction and compiles them. */
  admit(enrolment: Enrolment, node: Resource<'Node'>, token: TokenRecord | undefined, actor: Actor): void
}

export interface EnrolOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly sha256: Sha256
  readonly verify: Verify
  readonly tokens: Tokens
  /** Of the anchor, and of those before: tokens live on through a rotation of the root. */
  readonly pins: readonly Uint8Array[]
  readonly access: BrokerAccess
  readonly broker: HubOptions['broker']
  readonly keyCertificates: readonly Uint8Array[]
  readonly port: EnrolPort
}

/** Seconds after which a device that waits for approval asks again. */
const RETRY_AFTER_S = 5

function nodeResource(
  request: EnrolRequest,
  name: Name,
  token: TokenRecord,
  held: Resource<'Node'> | undefined,
): Resource<'Node'> {
  // What people wrote about the node beats what the token says, and that beats what the device says of itself.
  const labels = { ...request.labels, ...token.labels, ...held?.spec.labels }
  const spec = { ...(held?.spec ?? { network: token.network }), labels }
  // Parsed again: labels of three sources may together be more than a node may have.
  return parseResource({ apiVersion, kind: 'Node', metadata: held?.metadata ?? { name }, spec }) as Resource<'Node'>
}

function signaturesOf({ signatures }: Enrolment): Pick<Enrolment, 'signatures'> {
  return signatures === undefined ? {} : { signatures }
}

/** Who comes with a key that a device has left behind is not let in by it, and a device is no second one by its present key. */
function refuseFormerKey(held: Enrolment | undefined, { deviceKey }: EnrolRequest, port: EnrolPort): void {
  const other = held === undefined ? port.enrolmentWith(deviceKey) : undefined
  const known = held?.deviceKey === deviceKey ? undefined : (held ?? other)
  if (known === undefined) return
  const what =
    held === undefined ? `is a later key of ${known.name}` : `was a key of ${known.name}, which goes by another`
  throw new HoldfastError('conflict', `the device key ${what}`, {
    field: 'deviceKey',
    remedy: `Remove the node first (holdfast-hub delete node ${known.name}), then \`holdfast leave --purge\` on the device, and join anew.`,
  })
}

function chooseName(request: EnrolRequest, node: NodeId, held: Enrolment | undefined, port: EnrolPort): Name {
  const name = held?.name ?? request.name ?? parseName(`node-${node.slice(0, 6)}`)
  const taken = port.enrolmentNamed(name)
  if (taken !== undefined && taken.nodeId !== node) {
    throw new HoldfastError('conflict', `another device is enrolled as ${name}`, {
      field: 'name',
      remedy: `Join with another --name, or remove the old device first: holdfast-hub delete node ${name}`,
    })
  }
  return name
}

export function createEnrol(options: EnrolOptions) {
  const { clock, sha256, verify, tokens, pins, port } = options

  const prove = (request: EnrolRequest): void => {
    const [key, proof] = [fromBase64(request.deviceKey), fromBase64(request.proof)]
    const good = pins.some((pin) => verify(key, enrolProofBytes(request, pin), proof))
    if (!good)
      throw new HoldfastError('bad-signature', 'the device could not prove that it holds its key', { field: 'proof' })
  }

  /** Said before a token is spent: a device that waits would wait for ever. */
  const refuseDisabled = (name: Name): void => {
    if (port.nodeNamed(name)?.spec.disabled !== true) return
    throw new HoldfastError('forbidden', `node ${name} is disabled`, {
      remedy: `Enable it first: set spec.disabled of Node/${name} to false, or join with another --name.`,
    })
  }

  /** Said before a token is spent: it could not read what makes it a member, and every step would wait for it. */
  const refuseUnable = (network: Name, understands: readonly string[]): void => {
    const word = port.wordOf(network)
    if (word === undefined || understands.includes(word)) return
    throw new HoldfastError(
      'conflict',
      `network ${network} is on its way to other addresses, and this agent is too old to take part`,
      {
        remedy:
          'Install the agent of the hub’s version and join again with the same token, or wait until `holdfast-hub renumber status` says that it is over.',
      },
    )
  }

  const reply = async (enrolment: Enrolment): Promise<EnrolReply> => {
    const { nodeId, name } = enrolment
    const network = port.networkOf(enrolment.network)
    if (enrolment.state === 'pending' || network === undefined) {
      return { state: 'pending', nodeId, name, retryAfterS: RETRY_AFTER_S }
    }
    const { state, publisher } = network
    const signed = publisher.sign()
    const { head, records } = publisher
    if (signed && port.isUnsigned(name))
      return { state: 'pending', nodeId, name, retryAfterS: RETRY_AFTER_S, awaits: 'signatures' }
    if (!signed || head === undefined || !records.has(`node/${name}`)) {
      throw new HoldfastError('failed', `the hub could not store the revision that makes ${name} a member`, {
        remedy: 'Look at the hub’s log and disk, then join again with the same token.',
      })
    }
    // Taken now: while the broker is told, somebody else may join, and the set would outgrow this head.
    const snapshot = toBase64(encodeSnapshot(records, head))
    const broker = await giveLogIn(options, nodeId, state.id)
    return {
      state: 'enrolled',
      nodeId,
      name,
      network: { id: state.id, name: state.name },
      keys: options.keyCertificates.map(toBase64),
      broker,
      snapshot,
    }
  }

  return async (request: EnrolRequest, understands: readonly string[] = []): Promise<EnrolReply> => {
    prove(request)
    // Here alone the id follows from the key that is shown: later on the device may go by another.
    const node = parseNodeId(nodeIdOf(request.deviceKey, sha256))
    const held = port.enrolmentOf(node)
    refuseFormerKey(held, request, port)
    // The same device asks again: it waits for approval, or its first reply was lost. The token was spent then.
    if (held !== undefined && held.tokenId === request.tokenId && held.wgKey === request.wgKey) {
      tokens.recognise(request.tokenId, request.secret)
      refuseDisabled(held.name)
      refuseUnable(held.network, understands)
      return reply(held)
    }
    const token = tokens.check(request.tokenId, request.secret)
    refuseUnable(token.network, understands)
    const name = chooseName(request, node, held, port)
    refuseDisabled(name)
    const known = port.nodeNamed(name)
    if (known !== undefined && known.spec.network !== token.network) {
      throw new HoldfastError('conflict', `node ${name} belongs to network ${known.spec.network}`, {
        field: 'name',
        remedy: 'Use a token of that network.',
      })
    }
    const enrolment: Enrolment = {
      name,
      nodeId: node,
      network: token.network,
      wgKey: request.wgKey,
      deviceKey: request.deviceKey,
      state: token.autoApprove ? 'approved' : 'pending',
      tokenId: token.id,
      at: clock.now(),
      // The same device with the same keys is signed for already.
      ...(held?.wgKey === request.wgKey && held.name === name ? signaturesOf(held) : {}),
    }
    port.admit(enrolment, nodeResource(request, name, token, known), token, {
      name: `token ${token.id}`,
      role: 'device',
    })
    return reply(enrolment)
  }
}
