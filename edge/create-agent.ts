// Puts the agent together. The cache comes first: the kernel is programmed from it before any link is touched, and
// nothing a link says or fails to say takes anything away; only a newer signed set does.

import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { describeError } from '../shared/errors.ts'
import { openFact } from '../shared/fact/fact.ts'
import type { Condition } from '../shared/health.ts'
import { type DeviceKey, type NodeId, parseDeviceKey } from '../shared/ids.ts'
import { formatVersion, noVersion } from '../shared/record/head.ts'
import type { Agent, AgentOptions } from './agent.ts'
import { createChores } from './apply/chores.ts'
import { createEndpointBook } from './apply/endpoints.ts'
import { createLoop } from './apply/loop.ts'
import { createNames } from './apply/names.ts'
import { createTurns } from './apply/turn.ts'
import { createWishes } from './apply/wish.ts'
import { createHubLink, type HubLink, type LinkState } from './link/hub-link.ts'
import { createSync } from './link/sync.ts'
import { createHealth, type Health } from './report/health.ts'
import { createMode } from './report/mode.ts'
import { createOwnFact, observedPeers } from './report/own-fact.ts'
import { createPeerBook, type Member } from './report/peers.ts'
import { agentStatus, type Model } from './report/report.ts'
import { createReporter } from './report/reporter.ts'
import { createKeepsakes } from './store/keepsakes.ts'
import type { Accepted } from './trust/accept.ts'
import { createFactBook } from './trust/fact-book.ts'
import { createHolding } from './trust/holding.ts'
import type { Anchors } from './trust/keys.ts'

const PATHS = 'last-good-endpoints'
/** A link that is back within this is no news. */
const LINK_FLAP_MS = 10_000
/** Garbage on a topic is remembered for so long after the last of it. */
const REFUSED_FOR_MS = 10 * 60_000
/** A clock that lags less is a time server's business. */
const CLOCK_SLACK_MS = 2_000

const NO_LINK: LinkState = { up: false, hubOnline: false, lastContact: undefined, failure: undefined }

function anchorsOf({ identity, sha256, verify }: AgentOptions): Anchors {
  return {
    network: identity.network.id,
    root: fromBase64(identity.anchor.rootKey),
    certificates: identity.keys.map((key) => fromBase64(key)),
    verify,
    sha256,
  }
}

/** The conditions that follow from the state of the link. */
function tellLink(health: Health, { failure, hubOnline, up }: LinkState): void {
  const code = failure?.code
  const refused = code === 'unauthenticated' || code === 'forbidden'
  if (!up && refused) health.raise('hub-refused', failure?.reason, { afterMs: LINK_FLAP_MS })
  else health.clear('hub-refused')
  if (!up && code === 'untrusted') health.raise('hub-untrusted', failure?.reason)
  else health.clear('hub-untrusted')
  const reason = up ? 'the broker is connected, but the hub is not there' : (failure?.reason ?? 'not connected yet')
  if (up && hubOnline) health.clear('hub-unreachable')
  else health.raise('hub-unreachable', reason, { afterMs: LINK_FLAP_MS })
}

function merged(own: readonly Condition[], host: readonly Condition[]): readonly Condition[] {
  if (host.length === 0) return own
  const codes = new Set(host.map((condition) => condition.code))
  return [...host, ...own.filter((condition) => !codes.has(condition.code))]
}

export function createAgent(options: AgentOptions): Agent {
  const { clock, driver, entropy, identity, log, settings, sha256, signer, store, verify } = options
  const anchors = anchorsOf(options)
  const self = identity.nodeId
  const selfKey: DeviceKey = parseDeviceKey(toBase64(signer.publicKey))
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, log)
  const holding = createHolding(anchors, store, log)
  const peers = createPeerBook(clock)
  const mode = createMode(store, clock)
  const names = createNames(options.resolve, clock, log)
  const endpoints = createEndpointBook(clock, names)
  const keys = new Map<NodeId, DeviceKey>()
  const facts = createFactBook({
    store,
    log,
    sha256,
    verify,
    keyOf: (node) => keys.get(node),
    onRefused: (detail) => keep.journal('fact-refused', detail),
  })
  const started = { wall: clock.now(), monotonic: clock.monotonic() }
  let own = createOwnFact({ node: self, signer, sha256, clock, boot: 0 })
  let me: Member | undefined
  let link: HubLink | undefined
  let announcedOf = ''
  let toldApplied = noVersion

  const model = (): Model => {
    const held = holding.held()?.version ?? noVersion
    const applied = turns.applied()
    return {
      identity,
      settings,
      clock,
      boot: own.boot(),
      startedAt: started.wall,
      startedMonotonic: started.monotonic,
      addresses: me?.addresses ?? [],
      revision: { held, applied, lastGood: applied },
      peers,
      health: merged(health.visible(), options.hostConditions?.() ?? []),
      mode: mode.now(),
      link: link?.state() ?? NO_LINK,
    }
  }
  const reporter = createReporter(clock, () => link, model)

  const adoptMembers = (): void => {
    const nodes = holding.held()?.parsed.records.nodes ?? []
    keys.clear()
    for (const node of nodes) keys.set(node.nodeId, node.deviceKey)
    me = nodes.find((node) => node.nodeId === self)
    peers.setMembers(nodes, self)
    facts.membersChanged()
  }

  const onAccepted = (accepted: Accepted): void => {
    const failure = holding.take(accepted)
    if (failure !== undefined) health.raise('disk-full', describeError(failure))
    adoptMembers()
    log.info('new intent', { revision: formatVersion(accepted.next.version), records: accepted.next.records.size })
    loop.wake('intent')
  }

  const onRefused = (detail: string, lasting: boolean): void => {
    health.raise('intent-rejected', detail, lasting ? { afterMs: LINK_FLAP_MS } : { forMs: REFUSED_FOR_MS })
    keep.journal('intent-rejected', detail)
  }

  /** A word of our own from before, retained by the broker: it may outrank us where the database was lost. */
  const meetOwn = (envelope: Uint8Array): void => {
    try {
      const boot = own.meet(openFact(envelope, self, selfKey, verify, sha256))
      if (boot === undefined) return
      keep.raiseBoot(boot)
      announce(true)
    } catch (error) {
      log.debug('a fact in our name was refused', { reason: describeError(error) })
    }
  }

  const onFact = (node: NodeId, envelope: Uint8Array): void => {
    if (node === self) meetOwn(envelope)
    else if (facts.offer(node, envelope) !== undefined) loop.wake('event')
  }

  const onLink = (): void => {
    const state = link?.state() ?? NO_LINK
    tellLink(health, state)
    if (!mode.update(state)) return
    const { mode: now } = mode.now()
    log.info(now === 'online' ? 'the hub is there' : 'the hub is away; the node works on by itself')
    keep.write('keep the mode', () => mode.save())
    keep.journal(now, state.failure?.reason ?? '')
  }

  const announce = (force = false): void => {
    const { addresses, key } = turns.local()
    const revision = `${peers.revision()} ${key}`
    if (link === undefined || (!force && revision === announcedOf)) return
    announcedOf = revision
    const isPublic = me?.publicEndpoint !== undefined || own.isPublic(addresses, settings.listenPort)
    link.announce(own.compose(addresses, settings.listenPort, isPublic ? observedPeers(peers.entries) : []))
  }

  const afterTurn = (): void => {
    const applied = turns.applied()
    const acknowledges = applied !== toldApplied && formatVersion(applied) !== formatVersion(toldApplied)
    if (acknowledges) keep.journal('applied', `revision ${formatVersion(applied)}`)
    toldApplied = applied
    reporter.tell(acknowledges)
    announce()
    chores.run()
  }

  const turns = createTurns({
    driver,
    holding,
    peers,
    facts,
    endpoints,
    wishes: createWishes(self, options.wgKey, settings, endpoints),
    health,
    log,
    onChanged: () => loop.wake('event'),
  })
  const loop = createLoop({
    clock,
    turn: async () => {
      const fine = await turns.turn()
      afterTurn()
      return fine
    },
  })
  const chores = createChores({ clock, keep, holding, facts, peers, mode, pathsKey: PATHS, store })

  const openLink = (): void => {
    const sync = createSync({
      anchors,
      clock,
      entropy,
      log,
      inflate: options.inflate,
      held: holding.held,
      onAccepted,
      onRefused,
      onSound: () => health.clear('intent-rejected'),
      send: (payload) => made.request(payload),
    })
    const made = createHubLink({
      bus: options.bus,
      network: identity.network.id,
      node: self,
      clock,
      entropy,
      log,
      sync,
      onFact,
      onRefused: (detail) => onRefused(detail, false),
      onChange: onLink,
    })
    link = made
    onLink()
    made.start()
  }

  /** Everything the last run left, verified. */
  const load = (): void => {
    const bad = holding.load()
    const rebuilt = options.databaseRebuilt ?? bad
    if (rebuilt !== undefined) {
      health.raise('database-rebuilt', rebuilt)
      keep.journal('database-rebuilt', rebuilt)
    }
    own = createOwnFact({ node: self, signer, sha256, clock, boot: keep.nextBoot() })
    adoptMembers()
    keep.attempt('read the facts', () => facts.load())
    keep.attempt('read the paths', () => peers.recall(store.get(PATHS)))
  }

  const mendClock = async (): Promise<void> => {
    const floor = Math.max(keep.floor(), holding.held()?.head.issuedAt ?? 0)
    if (clock.now() >= floor - CLOCK_SLACK_MS) return
    const told = await options.raiseClock?.(floor)
    const detail = `known to have passed: ${new Date(floor).toISOString()}`
    if (told !== undefined) health.raise(told.code, told.detail)
    else if (clock.now() < floor - CLOCK_SLACK_MS) health.raise('clock-behind', detail)
  }

  let unwatch: (() => void) | undefined
  return {
    async start() {
      load()
      await mendClock()
      keep.journal('started', `version ${settings.version}, boot ${own.boot()}`)
      await loop.start()
      unwatch = driver.watch(() => loop.wake('event'))
      openLink()
      afterTurn()
    },
    async stop() {
      unwatch?.()
      await loop.stop()
      await link?.stop()
      chores.finish()
    },
    status: () => agentStatus(model()),
    plan: () => turns.plan(),
    wake() {
      link?.nudge()
      loop.wake('intent')
    },
    noteRtt: (node, rttMs) => peers.noteRtt(node, rttMs),
  }
}
