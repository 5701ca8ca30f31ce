// A hub without a store, keys or broker, for tests of the API: it keeps what it is told and does what it is asked.

import { toBase64 } from '../shared/bytes.ts'
import { HoldfastError } from '../shared/errors.ts'
import type { NetworkId, NodeId } from '../shared/ids.ts'
import { parseDeviceKey, parseName, parseWgKey } from '../shared/ids.ts'
import { type AnyResource, type Kind, parseResource } from '../shared/intent/resource.ts'
import type { Anchor } from '../shared/wire/enrol.ts'
import { isAsked } from './audit.fake.ts'
import type { Actor, AuditEntry } from './audit.ts'
import { createFakeCommands } from './commands/node-commands.fake.ts'
import type { FleetNode, FleetOverride, Hub, HubEvent, Shown, TokenRow } from './hub.ts'

export interface FakeHub extends Hub {
  emit(event: HubEvent): void
}

const key = toBase64(new Uint8Array(32).fill(7))

function fakeFleetNode(): FleetNode {
  return {
    nodeId: 'aliceaaaaaaaaaaa' as NodeId,
    name: parseName('alice'),
    network: parseName('default'),
    wgKey: parseWgKey(key),
    deviceKey: parseDeviceKey(key),
    addresses: ['10.7.0.1'],
    state: 'online',
    since: 1,
    health: [{ code: 'disk-full', since: 2 }],
  }
}

const openPolicy = {
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'open-overrida' },
  spec: { subject: { node: 'alice' }, ingress: [{}] },
}

function fakeOverride(): FleetOverride {
  return {
    id: parseName('overridaaaaaaaaa'),
    state: 'active',
    policies: [],
    reason: 'line 3 is down',
    by: { uid: 0, login: 'anna' },
    madeAt: 1,
    expiresAt: 2,
    node: parseName('alice'),
    nodeId: fakeFleetNode().nodeId,
    network: parseName('default'),
    nodeState: 'online',
  }
}

export function createFakeHub(): FakeHub {
  const held = new Map<string, Shown>()
  const rows: AuditEntry[] = []
  const keep = ({ name, whence }: Actor, verb: string, target: string, detail: string): void => {
    const known = whence === undefined ? {} : { whence }
    rows.push({ id: rows.length + 1, at: 1, actor: name, verb, target, detail, ...known })
  }
  const tokens = new Map<string, TokenRow>()
  const listeners = new Set<(event: HubEvent) => void>()
  let writes = 0

  const emit = (event: HubEvent): void => {
    for (const listener of listeners) listener(event)
  }

  function shownOf(resource: AnyResource): Shown {
    const before = held.get(`${resource.kind}/${resource.metadata.name}`)
    const expected = resource.metadata.resourceVersion
    if (expected !== undefined && expected !== before?.resourceVersion) {
      throw new HoldfastError('conflict', 'somebody wrote in between', { field: 'metadata.resourceVersion' })
    }
    return {
      resource,
      uid: before?.uid ?? `uid-${resource.metadata.name}`,
      generation: (before?.generation ?? 0) + 1,
      resourceVersion: String(++writes),
      createdAt: 1,
      status: { conditions: [] },
    }
  }

  function putAll(resources: readonly AnyResource[], actor: Actor, dryRun = false): readonly Shown[] {
    const shown = resources.map(shownOf)
    if (dryRun) return shown
    for (const one of shown) {
      const { kind, metadata } = one.resource
      held.set(`${kind}/${metadata.name}`, one)
      keep(actor, 'put', `${kind}/${metadata.name}`, '')
      emit({ type: 'put', kind, name: metadata.name, resourceVersion: one.resourceVersion })
    }
    return shown
  }

  return {
    emit,
    start: async () => undefined,
    stop: async () => undefined,
    put: (resource, actor) => putAll([resource], actor)[0] as Shown,
    putAll,
    get: (kind: Kind, name) => held.get(`${kind}/${name}`),
    list: (kind) => [...held.values()].filter((one) => one.resource.kind === kind),
    delete: (kind, name) => held.delete(`${kind}/${name}`),
    createToken(spec) {
      const id = 'abcdefgh'
      const row = { id, network: spec.network, createdAt: 1, expiresAt: 2, usesLeft: spec.uses, revoked: false }
      tokens.set(id, { ...row, labels: spec.labels, autoApprove: spec.autoApprove })
      return { id, token: `hf1.${id}.secret`, expiresAt: 2 }
    },
    listTokens: () => [...tokens.values()],
    revokeToken: (id) => tokens.delete(id),
    anchor: () => ({ rootKey: key, tlsAuthority: key }) as Anchor,
    async enrol(request, understands = []) {
      if (request.secret === 'renumbered' && !understands.includes('renumber-step'))
        throw new HoldfastError('conflict', 'the network is renumbered', { remedy: 'Update.' })
      if (request.secret === 'renumbered')
        return { state: 'pending', nodeId: fakeFleetNode().nodeId, name: parseName('alice'), retryAfterS: 5 }
      if (request.secret !== 'good') {
        throw new HoldfastError('forbidden', 'the join token is unknown, used up or expired', {
          remedy: 'Ask for a new one.',
        })
      }
      return { state: 'pending', nodeId: fakeFleetNode().nodeId, name: parseName('alice'), retryAfterS: 5 }
    },
    async leave(node: NodeId) {
      if (node !== fakeFleetNode().nodeId) throw new HoldfastError('not-found', 'no such device')
    },
    challenge: () => new Uint8Array(8),
    async renew({ nodeId }) {
      if (nodeId !== fakeFleetNode().nodeId)
        throw new HoldfastError('forbidden', 'the device could not prove who it is')
      return { state: 'renewed', broker: { url: '', webSocketPath: '/mqtt', username: nodeId, password: 'new' } }
    },
    async approve(name) {
      if (name !== 'alice') throw new HoldfastError('not-found', 'nobody waits under that name')
      return fakeFleetNode()
    },
    lockView: (name) => ({ network: { id: 'netnetnetnet' as NetworkId, name: parseName(name) }, members: [] }),
    signMembers: (name) => ({ network: { id: 'netnetnetnet' as NetworkId, name: parseName(name) }, members: [] }),
    fleet: () => [fakeFleetNode()],
    fleetNode: (name) => (name === 'alice' ? fakeFleetNode() : undefined),
    intended: (kind) =>
      [...held.values()].flatMap(({ resource }) => (resource.kind === kind ? { resource, addresses: [] } : [])),
    commands: createFakeCommands(),
    overrides: () => [fakeOverride()],
    acceptOverride(id, actor) {
      if (id !== fakeOverride().id) throw new HoldfastError('not-found', 'no such override')
      return putAll([parseResource(openPolicy)], actor)
    },
    dropOverride(id) {
      if (id !== fakeOverride().id) throw new HoldfastError('not-found', 'no such override')
      return { ...fakeOverride(), verdict: 'dropped' }
    },
    flows: () => ({ items: [], lostBefore: [], ledgers: [], newest: 0 }),
    flowRecords: () => [],
    trace: () => [],
    flowFigures: () => undefined,
    acceptFlows(name) {
      if (name !== 'alice') throw new HoldfastError('not-found', 'no such device')
    },
    rollOut: () => [
      {
        network: parseName('default'),
        networkId: 'netnetnetnet' as NetworkId,
        version: { epoch: 1, revision: 7 },
        nodes: 3,
        acknowledged: 2,
        confirmed: 1,
        takenBack: [],
        waiting: [],
        canaries: [],
        addresses: [],
        pending: [],
        offline: [parseName('bob')],
      },
    ],
    agentUpdates: () => [],
    releaseFile() {
      throw new HoldfastError('forbidden', 'the device could not prove that it is a member')
    },
    flushed: async () => undefined,
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    note: (actor, verb, target, detail = '') => keep(actor, verb, target, detail),
    audit: (limit, query = {}) =>
      rows
        .filter((entry) => isAsked(entry, query))
        .toReversed()
        .slice(0, limit),
  }
}
