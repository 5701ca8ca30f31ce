// Puts the agent together. The cache comes first: the kernel is programmed from it before any link is touched, and
// nothing a link says or fails to say takes anything away; only a newer signed set does.

import { describeError } from '../shared/errors.ts'
import type { Condition } from '../shared/health.ts'
import { compareVersion, formatVersion, noVersion } from '../shared/record/head.ts'
import type { Agent, AgentOptions } from './agent.ts'
import { createParts, lastGoodKey, type Parts, pathSizesKey, upkeepKey } from './agent-parts.ts'
import { createLoop, type Loop } from './apply/loop.ts'
import { createTurns, type Turns } from './apply/turn.ts'
import { createWishes } from './apply/wish.ts'
import type { Lan } from './lan/lan.ts'
import { createOwnLan } from './lan/own-lan.ts'
import { createHubLink, type HubLink, noLink } from './link/hub-link.ts'
import { createSync } from './link/sync.ts'
import { type Announcer, createAnnouncer } from './report/announcer.ts'
import { linkFlapMs, tellLink } from './report/link-health.ts'
import { agentPaths } from './report/paths.ts'
import { agentStatus, type Model } from './report/report.ts'
import { createReporter } from './report/reporter.ts'
import { tellUplinks } from './report/uplink-health.ts'
import { createIntake, type Intake } from './trust/intake.ts'

/** Garbage on a topic is remembered for so long after the last of it. */
const REFUSED_FOR_MS = 10 * 60_000
/** A clock that lags less is a time server's business. */
const CLOCK_SLACK_MS = 2_000

function merged(own: readonly Condition[], host: readonly Condition[]): readonly Condition[] {
  if (host.length === 0) return own
  const codes = new Set(host.map((condition) => condition.code))
  return [...host, ...own.filter((condition) => !codes.has(condition.code))]
}

/** What comes to be once the agent runs. */
interface Running {
  link: HubLink | undefined
  announcer: Announcer | undefined
}

function createModel(
  options: AgentOptions,
  parts: Parts,
  turns: Turns,
  running: Running,
  intake: Pick<Intake, 'origin'>,
): () => Model {
  const { clock, health, holding, members, mode, peers, started } = parts
  return () => {
    const applied = turns.applied()
    return {
      identity: options.identity,
      settings: options.settings,
      clock,
      boot: running.announcer?.boot() ?? 0,
      startedAt: started.wall,
      startedMonotonic: started.monotonic,
      addresses: members.me()?.addresses ?? [],
      revision: { held: holding.held()?.version ?? noVersion, applied, lastGood: applied },
      origin: intake.origin(),
      peers,
      health: merged(health.visible(), options.hostConditions?.() ?? []),
      mode: mode.now(),
      link: running.link?.state() ?? noLink,
      upkeep: parts.upkeep.status(),
    }
  }
}

/** The set in force has changed: everybody who looks at members is told. */
function adopt({ facts, members, peers }: Parts, options: AgentOptions): void {
  members.adopt()
  peers.setMembers(members.all(), options.identity.nodeId)
  facts.membersChanged()
  const me = members.me()
  if (me !== undefined) options.onPublic?.(me.publicEndpoint !== undefined)
}

/** Everything the last run left, verified. */
function loadAll(options: AgentOptions, parts: Parts): void {
  const { facts, health, holding, keep, peers, sizes, upkeep } = parts
  const bad = holding.load()
  const rebuilt = options.databaseRebuilt ?? bad
  if (rebuilt !== undefined) {
    health.raise('database-rebuilt', rebuilt)
    keep.journal('database-rebuilt', rebuilt)
  }
  adopt(parts, options)
  keep.attempt('facts', () => facts.load())
  keep.attempt('upkeep', () => upkeep.recall(options.store.get(upkeepKey)))
  keep.attempt('paths', () => peers.recall(options.store.get(lastGoodKey)))
  keep.attempt('path sizes', () => sizes?.recall(options.store.get(pathSizesKey)))
}

/** Before WireGuard comes up: it refuses handshakes whose time went backwards. */
async function mendClock(options: AgentOptions, { clock, health, holding, keep }: Parts): Promise<void> {
  const floor = Math.max(keep.floor(), holding.held()?.head.issuedAt ?? 0)
  if (clock.now() >= floor - CLOCK_SLACK_MS) return
  const told = await options.raiseClock?.(floor)
  const detail = `known to have passed: ${new Date(floor).toISOString()}`
  if (told !== undefined) health.raise(told.code, told.detail)
  else if (clock.now() < floor - CLOCK_SLACK_MS) health.raise('clock-behind', detail)
}

function openLink(options: AgentOptions, parts: Parts, running: Running, loop: Loop, intake: Intake): HubLink {
  const { entropy, identity, log } = options
  const { anchors, clock, facts, health, holding, keep, mode } = parts
  const onRefused = (detail: string, lasting: boolean): void => {
    health.raise('intent-rejected', detail, lasting ? { afterMs: linkFlapMs } : { forMs: REFUSED_FOR_MS })
    keep.journal('intent-rejected', detail)
  }
  const onChange = (): void => {
    const state = link.state()
    tellLink(health, state)
    if (!mode.update(state)) return
    const online = mode.now().mode === 'online'
    if (!online) parts.uplinks.doubt()
    log.info(online ? 'the hub is there' : 'the hub is away; the node works on by itself')
    keep.write('keep the mode', () => mode.save())
    keep.journal(mode.now().mode, state.failure?.reason ?? '')
  }
  const sync = createSync({
    anchors,
    clock,
    entropy,
    log,
    inflate: options.inflate,
    held: () => holding.held(),
    onAccepted: (accepted) => intake.take(accepted, { by: 'hub' }),
    onRefused,
    onSound: () => health.clear('intent-rejected'),
    send: (payload) => link.request(payload),
  })
  const link = createHubLink({
    bus: options.bus,
    network: identity.network.id,
    node: identity.nodeId,
    clock,
    entropy,
    log,
    sync,
    capability: parts.capability,
    onFact(node, envelope) {
      if (node === identity.nodeId) running.announcer?.meet(envelope)
      else if (facts.offer(node, envelope) !== undefined) loop.wake('event')
    },
    onRefused: (detail) => onRefused(detail, false),
    onChange,
  })
  onChange()
  return link
}

function createVoice(
  options: AgentOptions,
  parts: Parts,
  turns: Turns,
  running: Running,
  lan: Lan | undefined,
): Announcer {
  const { sha256, signer, verify, log, identity, settings } = options
  const { clock, keep, members, paths, peers, ports } = parts
  return createAnnouncer({
    self: identity.nodeId,
    signer,
    sha256,
    verify,
    clock,
    log,
    keep,
    peers,
    listenPort: settings.listenPort,
    me: () => members.me(),
    local: () => turns.local(),
    mapping: () => {
      const portMapped = ports.outside()
      return portMapped === undefined ? paths.mapping() : { ...paths.mapping(), portMapped }
    },
    send(envelope) {
      running.link?.announce(envelope)
      lan?.say(envelope)
      return running.link !== undefined
    },
  })
}

export function createAgent(options: AgentOptions): Agent {
  const { driver, identity, log, settings } = options
  const onChanged = (): void => loop.wake('event')
  const request = async (payload: Uint8Array): Promise<void> => running.link?.request(payload)
  const onUplink = (): void => {
    paths.uplinkChanged()
    running.link?.nudge()
    onChanged()
  }
  const parts = createParts(options, request, onChanged, onUplink)
  const { chores, clock, facts, health, holding, keep, members, paths, peers, ports, uplinks } = parts
  const running: Running = { link: undefined, announcer: undefined }
  const wishes = createWishes(identity.nodeId, options.wgKey, settings, paths, parts.sizes)
  const lan = createOwnLan(options, parts, (why) => loop.wake(why))
  const turns = createTurns({ driver, holding, peers, facts, endpoints: paths, lan, wishes, health, log, onChanged })
  const onTaken = (): void => {
    adopt(parts, options)
    loop.wake('intent')
  }
  const intake = createIntake({ ...parts, log, store: options.store, onTaken })
  const model = createModel(options, parts, turns, running, intake)
  const reporter = createReporter({ clock, metered: options.paths?.metered === true, link: () => running.link, model })
  let told = noVersion
  let unwatch: (() => void) | undefined

  const afterTurn = (): void => {
    const applied = turns.applied()
    const acknowledges = compareVersion(applied, told) !== 0
    if (acknowledges) keep.journal('applied', `revision ${formatVersion(applied)}`)
    told = applied
    parts.upkeep.look()
    reporter.tell(acknowledges)
    const { addresses } = turns.local()
    lan?.follow(addresses)
    uplinks.follow(addresses)
    tellUplinks(health, uplinks.report(), clock.now())
    // Whoever was given an endpoint by people needs no port of a router.
    ports.follow({
      local: addresses,
      wanted: members.me()?.publicEndpoint === undefined,
      seen: paths.outsideHosts(),
      direct: peers.entries.filter(({ path }) => path === 'direct').length,
    })
    running.announcer?.announce()
    const offered = members.me()?.relay
    if (options.openRelay !== undefined) parts.relay.follow(offered?.port, offered?.tlsPort)
    chores.run()
  }
  const loop = createLoop({
    clock,
    turn: async () => {
      const fine = await turns.turn()
      afterTurn()
      return fine
    },
    onError: (error) => log.error('a turn ended early', { reason: describeError(error) }),
  })

  return {
    async start() {
      loadAll(options, parts)
      running.announcer = createVoice(options, parts, turns, running, lan)
      await mendClock(options, parts)
      keep.journal('started', `version ${settings.version}, boot ${running.announcer.boot()}`)
      await loop.start()
      void paths.start().then(onChanged)
      void lan?.start()
      unwatch = driver.watch(() => loop.wake('event'))
      running.link = openLink(options, parts, running, loop, intake)
      running.link.start()
      afterTurn()
    },
    async stop() {
      unwatch?.()
      await loop.stop()
      await paths.stop()
      await lan?.stop()
      uplinks.stop()
      await ports.stop()
      parts.relay.close()
      await running.link?.stop()
      chores.finish()
    },
    status: () => agentStatus(model()),
    paths: () => agentPaths(parts, paths, lan),
    plan: () => turns.plan(),
    wake() {
      running.link?.nudge()
      loop.wake('intent')
    },
    noteRtt: (node, rttMs) => peers.noteRtt(node, rttMs),
  }
}
