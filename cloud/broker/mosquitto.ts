// Mosquitto as the broker: one role and one client per node, kept equal to who is enrolled.

import * as v from 'valibot'
import type { BusFactory, Clock, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import { credentialId } from '../../shared/wire/enrol.ts'
import { agentFilters, type NodeChannel, nodeChannels, topics } from '../../shared/wire/topics.ts'
import type { AccessStore, Credential } from '../access/access-store.ts'
import type { BrokerAccess } from '../broker-access.ts'
import { type Acl, type Answer, type Command, createDynsec } from './dynsec.ts'

export interface MosquittoOptions {
  /** Makes connections of the hub's administrator. */
  readonly bus: BusFactory
  readonly username: string
  readonly store: Pick<AccessStore, 'credential' | 'credentials' | 'putCredential' | 'deleteCredential'>
  readonly clock: Clock
  readonly log: Log
}

export interface MosquittoBroker {
  readonly access: BrokerAccess
  /** Resolves when Mosquitto is reached for the first time and agrees with who is enrolled. */
  start(): Promise<void>
  /** Why devices may be shut out; undefined when all is well. */
  problem(): string | undefined
  /** Enrolled nodes that Mosquitto has lost: their passwords are not known here; they fetch new ones when they are refused. */
  missing(): readonly NodeId[]
  close(): Promise<void>
}

/** A role whose rules change gets a new name, because changing a role cuts off everybody who has it. */
const HUB_ROLE = 'holdfast-hub-1'
/** Channels that came after the first release: devices from before have roles without them. */
const LATER_CHANNELS = ['override', 'answer'] as const satisfies readonly NodeChannel[]
/** A role of nobody, which says that they have been added. */
const LATER_ROLE = `holdfast-channels-${LATER_CHANNELS.length}`
/** With its role a client takes some 200 bytes, so a page stays below what one packet may hold. */
const PAGE = 500
const acl = (acltype: Acl['acltype'], topic: string): Acl => ({ acltype, topic, priority: 0, allow: true })

function roleOf(node: NodeId): string {
  return `holdfast-node-${node}`
}

/** Exact topics: neither a wildcard in a publication nor a wider subscription gets past the plugin. */
function nodeAcls(node: NodeId, network: NetworkId): readonly Acl[] {
  return [
    ...nodeChannels.map((channel) => acl('publishClientSend', topics.node(network, node, channel))),
    ...agentFilters(network, node).map((filter) => acl('subscribeLiteral', filter)),
  ]
}

/** Deleting first makes it the same whether the node is new, known or half-known. */
function allowCommands(node: NodeId, network: NetworkId, password: string): readonly Command[] {
  const rolename = roleOf(node)
  return [
    { command: 'deleteClient', username: node },
    { command: 'deleteRole', rolename },
    { command: 'createRole', rolename, acls: nodeAcls(node, network) },
    { command: 'createClient', username: node, clientid: node, password, roles: [{ rolename, priority: 0 }] },
  ]
}

/** What its role has already is no news; what it has not cuts the device off for once, and it comes back by itself. */
function widenCommands({ network, node }: Credential): readonly Command[] {
  return LATER_CHANNELS.map((channel) => ({
    command: 'addRoleACL',
    rolename: roleOf(node),
    ...acl('publishClientSend', topics.node(network, node, channel)),
  }))
}

function revokeCommands(node: NodeId): readonly Command[] {
  return [
    { command: 'deleteClient', username: node },
    { command: 'deleteRole', rolename: roleOf(node) },
  ]
}

const defaults = [
  { acltype: 'publishClientSend', allow: false },
  { acltype: 'publishClientReceive', allow: true },
  { acltype: 'subscribe', allow: false },
  { acltype: 'unsubscribe', allow: true },
] as const

const hubAcls = [acl('publishClientSend', 'hf/1/#'), acl('subscribePattern', 'hf/1/#')]

const clientData = v.object({
  client: v.object({ roles: v.optional(v.array(v.object({ rolename: v.string() })), []) }),
})
const defaultData = v.object({ acls: v.array(v.object({ acltype: v.string(), allow: v.boolean() })) })

/** What the administrator lacks to speak for the hub. Nothing is said twice: the plugin cuts off whose role changes. */
function prepareCommands(username: string, client: Answer | undefined, access: Answer | undefined): readonly Command[] {
  const { roles } = v.parse(clientData, client?.data).client
  const { acls } = v.parse(defaultData, access?.data)
  const safe = defaults.every((wanted) =>
    acls.some((one) => one.acltype === wanted.acltype && one.allow === wanted.allow),
  )
  return [
    ...(safe ? [] : [{ command: 'setDefaultACLAccess', acls: defaults } as const]),
    ...(roles.some(({ rolename }) => rolename === HUB_ROLE)
      ? []
      : ([
          { command: 'createRole', rolename: HUB_ROLE, acls: hubAcls },
          { command: 'addClientRole', username, rolename: HUB_ROLE, priority: 0 },
        ] as const)),
  ]
}

/** Saying again what is already so is no failure. */
const HARMLESS = /already exists|not found|already in/i

function check(answers: readonly Answer[]): void {
  const failed = answers.find(({ error }) => error !== undefined && !HARMLESS.test(error))
  if (failed !== undefined) {
    throw new HoldfastError('failed', `Mosquitto refused ${failed.command}: ${failed.error}`, {
      remedy: 'Check that the hub’s user has the role admin: `mosquitto_ctrl … dynsec getClient`.',
    })
  }
}

const page = v.object({
  totalCount: v.number(),
  clients: v.array(v.object({ username: v.string(), disabled: v.optional(v.boolean(), false) })),
})

export function createMosquittoBroker(options: MosquittoOptions): MosquittoBroker {
  const { clock, log, store, username } = options
  const dynsec = createDynsec(options.bus, clock, log)
  const suspended = new Set<NodeId>()
  let reached = false
  let missing: readonly NodeId[] = []
  let problem: string | undefined = 'Mosquitto has not been reached yet'

  async function run(commands: readonly Command[]): Promise<void> {
    check(await dynsec.run(commands))
  }

  /** Names, and whether they are disabled. */
  async function listClients(): Promise<ReadonlyMap<string, boolean>> {
    const found = new Map<string, boolean>()
    for (let offset = 0; ; offset += PAGE) {
      const [answer] = await dynsec.run([{ command: 'listClients', verbose: true, count: PAGE, offset }])
      const { totalCount, clients } = v.parse(page, answer?.data)
      for (const { disabled, username: name } of clients) found.set(name, disabled)
      if (offset + PAGE >= totalCount || clients.length === 0) return found
    }
  }

  /** Disabled or enabled where that is not so; what is as it should be is not said again. */
  function switchCommands(there: ReadonlyMap<string, boolean>, enrolled: ReadonlySet<NodeId>): readonly Command[] {
    return [...enrolled].flatMap((node): Command[] => {
      const wanted = suspended.has(node)
      const disabled = there.get(node)
      if (disabled === undefined || disabled === wanted) return []
      return [{ command: wanted ? 'disableClient' : 'enableClient', username: node }]
    })
  }

  /** Once for each Mosquitto: devices may say what they could not when they were enrolled. */
  async function widen(credentials: readonly Credential[]): Promise<void> {
    const [known] = await dynsec.run([{ command: 'getRole', rolename: LATER_ROLE }])
    if (known?.error === undefined) return
    await run([...credentials.flatMap(widenCommands), { command: 'createRole', rolename: LATER_ROLE, acls: [] }])
  }

  /** Removes whom nobody enrolled; names whom Mosquitto lost. Runs at each connect, for Mosquitto may be a new one. */
  async function reconcile(): Promise<void> {
    const [client, access] = await dynsec.run([{ command: 'getClient', username }, { command: 'getDefaultACLAccess' }])
    await run(prepareCommands(username, client, access))
    const there = await listClients()
    const credentials = store.credentials()
    await widen(credentials)
    const enrolled = new Set(credentials.map(({ node }) => node))
    const strangers = [...there.keys()].filter((name) => /^[a-z2-7]{16}$/.test(name) && !enrolled.has(name as NodeId))
    await run([...strangers.flatMap((name) => revokeCommands(name as NodeId)), ...switchCommands(there, enrolled)])
    missing = [...enrolled].filter((node) => !there.has(node))
    problem = missing.length === 0 ? undefined : `Mosquitto has lost the credentials of ${missing.length} devices`
    if (missing.length > 0) {
      log.error('Mosquitto has lost credentials; these devices work from their cache until they fetch new ones', {
        devices: missing.length,
        first: missing[0],
      })
    }
  }

  /** True once it agrees. At the very first time the plugin cuts the hub off for its new role; the next try goes on. */
  async function onUp(): Promise<boolean> {
    try {
      await reconcile()
      log.info('Mosquitto agrees with who is enrolled')
      return true
    } catch (error) {
      problem = (error as Error).message
      log.warn('Mosquitto could not be administered yet', { why: problem })
      return false
    }
  }

  return {
    access: {
      async allow(node, network, password) {
        await run(allowCommands(node, network, password))
        store.putCredential({ node, network, passwordHash: credentialId(password, sha256) })
        missing = missing.filter((one) => one !== node)
        if (missing.length === 0) problem = undefined
      },
      async revoke(node) {
        // Forgotten here first: if Mosquitto is away now, the next connect finds a stranger and removes it.
        store.deleteCredential(node)
        suspended.delete(node)
        await run(revokeCommands(node))
      },
      // As above: noted here first, made so at the next connect where Mosquitto is away now.
      async suspend(node) {
        suspended.add(node)
        if (reached) await run([{ command: 'disableClient', username: node }])
      },
      async resume(node) {
        suspended.delete(node)
        if (reached) await run([{ command: 'enableClient', username: node }])
      },
      credential: (node) => store.credential(node)?.passwordHash,
    },
    start: () =>
      new Promise((resolve) => {
        dynsec.start((up, reason) => {
          reached = up
          if (up) void onUp().then((agreed) => agreed && resolve())
          else {
            problem = `Mosquitto is not reachable: ${reason}`
            log.warn('no connection to Mosquitto', { why: reason })
          }
        })
      }),
    problem: () => problem,
    missing: () => missing,
    close: () => dynsec.close(),
  }
}
