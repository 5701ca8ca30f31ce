// Puts the agent together. The cache comes first: the kernel is programmed from it before any link is touched, and
// nothing a link says or fails to say takes anything away; only a newer signed set does.

import { describeError, HoldfastError } from '../shared/errors.ts'
import { sameEnvelope } from '../shared/record/envelope.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../shared/record/head.ts'
import type { Agent, AgentOptions } from './agent.ts'
import { hubIsThere, notRunning, openLink, type Running, tellRefused } from './agent-link.ts'
import { createModels, type Models } from './agent-model.ts'
import { createParts, lastGoodKey, type Parts, pathSizesKey, upkeepKey, uplinkQualityKey } from './agent-parts.ts'
import { openWatches, resumeWatches, stopWatches, watchOrders } from './agent-watches.ts'
import { createLoop } from './apply/loop.ts'
import { createOwnTurns, type OwnTurns } from './apply/own-turns.ts'
import type { Turns } from './apply/turn.ts'
import type { KernelWord } from './drivers/driver.ts'
import type { AgentFlows } from './flows/doors.ts'
import { createOwnFlows } from './flows/own-flows.ts'
import { createOwnGossip, type OwnGossip } from './gossip/own-gossip.ts'
import type { Lan } from './lan/lan.ts'
import { createOwnLan } from './lan/own-lan.ts'
import { mendClock } from './mend-clock.ts'
import { createOwnOverrides, type OwnOverrides } from './override/own-overrides.ts'
import { type Announcer, createAnnouncer } from './report/announcer.ts'
import { tellDevices } from './report/device-health.ts'
import { tellLock } from './report/lock-health.ts'
import { agentPaths } from './report/paths.ts'
import { createReporter, type Reporter } from './report/reporter.ts'
import { tellUplinks } from './report/uplink-health.ts'
import { createIntake, type Taken } from './trust/intake.ts'

/** The set in force has changed: everybody who looks at members is told. */
function adopt(parts: Parts, options: AgentOptions): void {
  const { capability, deviceBook, facts, health, holding, keyBook, members, ownDevice, ownKey, peers } = parts
  tellLock(health, holding)
  deviceBook.membersChanged()
  ownDevice.look()
  keyBook.membersChanged()
  ownKey.follow()
  members.adopt()
  peers.setMembers(members.all(), options.identity.nodeId)
  facts.membersChanged()
  capability.membersChanged()
  tellDevices(health, parts, options.identity.nodeId)
  const me = members.me()
  if (me !== undefined) options.onPublic?.(me.publicEndpoint !== undefined)
}

/** Everything the last run left, verified. */
function loadAll(options: AgentOptions, parts: Parts, running: Running): void {
  const { deviceBook, facts, health, holding, keep, keyBook, ownPods, peers, quality, sizes, upkeep } = parts
  const bad = holding.load()
  const rebuilt = options.databaseRebuilt ?? bad
  if (rebuilt !== undefined) {
    health.raise('database-rebuilt', rebuilt)
    keep.journal('database-rebuilt', rebuilt)
  }
  resumeWatches(running)
  adopt(parts, options)
  keep.attempt('facts', () => facts.load())
  ownPods.load()
  // With the facts came words on keys.
  if (keyBook.revision() > 0 || deviceBook.revision() > 0) adopt(parts, options)
  keep.attempt('upkeep', () => upkeep.recall(options.store.get(upkeepKey)))
  keep.attempt('paths', () => peers.recall(options.store.get(lastGoodKey)))
  keep.attempt('path sizes', () => sizes?.recall(options.store.get(pathSizesKey)))
  keep.attempt('uplink', () => quality.recall(options.store.get(uplinkQualityKey)))
}

function createVoice(
  options: AgentOptions,
  parts: Parts,
  turns: OwnTurns,
  running: Running,
  lan: Lan | undefined,
  gossip: Pick<OwnGossip, 'fact'>,
): Announcer {
  const { sha256, signer, verify, log, identity, settings } = options
  const { clock, drain, keep, members, onLinks, ownDevice, ownKey, ownPods, paths, peers, ports } = parts
  let said: Uint8Array | undefined
  const self = identity.nodeId
  return createAnnouncer({
    self,
    signer,
    sha256,
    verify,
    clock,
    log,
    keep,
    peers,
    listenPort: settings.listenPort,
    me: () => members.me(),
    keyStatement: () => ownKey.statement(),
    pods: ownPods,
    leaving: () => drain.isOn(),
    proves: () => turns.proves(),
    device: { links: () => ownDevice.links(), onLinks: (links) => onLinks(self, links) },
    local: () => turns.local(),
    mapping: () => {
      const portMapped = ports.outside()
      return portMapped === undefined ? paths.mapping() : { ...paths.mapping(), portMapped }
    },
    send(envelope, urgent) {
      running.link?.announce(envelope, urgent)
      lan?.say(envelope)
      if (!sameEnvelope(said, envelope)) gossip.fact(self, 'self')
      said = envelope
      return running.link !== undefined
    },
  })
}

/** In the kernel, and not to be taken back any more. */
function settledOf({ holding }: Parts, turns: Turns, { confirm }: Running): Version {
  const [applied, good] = [turns.applied(), holding.lastGood()?.version ?? noVersion]
  return confirm !== undefined && compareVersion(good, applied) < 0 ? good : applied
}

function createOwnReporter(options: AgentOptions, parts: Parts, running: Running, models: Models): Reporter {
  const metered = options.paths?.metered === true
  const { clock, upkeep } = parts
  const isThrifty = (): boolean => upkeep.thrift() > 0
  return createReporter({ clock, metered, isThrifty, link: () => running.link, model: () => models.hub() })
}

/** The links of this host may be others. */
function followLinks({ clock, health, members, paths, peers, ports, uplinks }: Parts, turns: Turns): void {
  const { addresses } = turns.local()
  uplinks.follow(addresses)
  tellUplinks(health, uplinks.report(), clock.now())
  // Whoever was given an endpoint by people needs no port of a router.
  ports.follow({
    local: addresses,
    wanted: members.me()?.publicEndpoint === undefined,
    seen: paths.outsideHosts(),
    direct: peers.entries.filter(({ path }) => path === 'direct').length,
  })
}

type Asked = 'retry' | 'confirm' | 'updates' | 'flows' | 'overrides'

/** What people may ask for and order, about what is on trial among others. */
function askedOf(
  options: AgentOptions,
  running: Running,
  flows: AgentFlows,
  overrides: OwnOverrides,
): Pick<Agent, Asked> {
  return { ...watchOrders(options, running), flows, overrides: overrides.people }
}

function trustAnew({ holding, keep }: Parts, detail: string): void {
  keep.journal('membership-lock', detail)
  const bad = holding.reload()
  if (bad !== undefined) throw new HoldfastError('corrupt', bad, { remedy: 'Run `holdfast lock trust FILE` again.' })
}

export function createAgent(options: AgentOptions): Agent {
  const { driver, log, settings } = options
  const onChanged = (): void => loop.wake('event')
  const request = async (payload: Uint8Array): Promise<void> => running.link?.request(payload)
  const onUplink = (): void => {
    paths.uplinkChanged()
    running.link?.nudge()
    onChanged()
  }
  const onKeys = (): void => (running.announcer === undefined ? undefined : onFollow())
  const parts = createParts(options, request, onChanged, onUplink, onKeys)
  const { chores, clock, keep, keyDesk, members, mirror, names, ownPods, paths, peers, ports, uplinks } = parts
  const running = notRunning()
  const settled = (): Version => settledOf(parts, turns, running)
  const overrides = createOwnOverrides(options, parts, running, { settled, onChange: () => loop.wake('intent') })
  const lan = createOwnLan(options, parts, {
    wake: (why) => loop.wake(why),
    onFact: (node) => gossip.fact(node, node),
    state: () => gossip.state(),
    onState: (node, state) => gossip.heardBeacon(node, state),
  })
  const flows = createOwnFlows(options, parts, async (payload) => running.link?.tellFlows(payload))
  const turns = createOwnTurns(options, parts, lan, overrides, flows, { onChanged, onRoute: () => loop.wake('intent') })
  const onFollow = (): void => {
    adopt(parts, options)
    overrides.look()
    loop.wake('intent')
  }
  openWatches(options, parts, turns, running, onFollow, onChanged)
  const onTaken = (taken: Taken): void => {
    if (running.confirm === undefined) onFollow()
    else running.confirm.taken()
    overrides.look()
    gossip.taken(taken)
  }
  const intake = createIntake({ ...parts, log, store: options.store, onTaken })
  const gossip = createOwnGossip(options, parts, {
    intake,
    lan: () => lan,
    online: () => hubIsThere(parts, running),
    ownFact: () => running.announcer?.current(),
    onOwnFact: (envelope) => running.announcer?.meet(envelope),
    onFact: onChanged,
    onRefused: (detail) => tellRefused(parts, detail, false),
  })
  const models = createModels(options, parts, turns, running, { gossip, intake, overrides })
  const reporter = createOwnReporter(options, parts, running, models)
  let [told, unwatch]: [Version, (() => void) | undefined] = [noVersion, undefined]
  const onKernel = (word: KernelWord): void => {
    // A hub that could not be reached may be in reach again; one that answers is no worse for it.
    if (word === 'way-out' && running.link?.state().up === false) running.link.nudge()
    onChanged()
  }

  const afterTurn = (): void => {
    keyDesk.look(turns.wgKey())
    const applied = turns.applied()
    const acknowledges = compareVersion(applied, told) !== 0
    if (acknowledges) keep.journal('applied', `revision ${formatVersion(applied)}`)
    told = applied
    overrides.look()
    parts.upkeep.look()
    reporter.tell(acknowledges)
    lan?.follow(turns.local().addresses)
    followLinks(parts, turns)
    parts.look()
    ownPods.follow()
    running.announcer?.announce()
    gossip.follow()
    names.follow()
    const offered = members.me()?.relay
    if (options.openRelay !== undefined) parts.relay.follow(offered?.port, offered?.tlsPort)
    chores.run()
  }
  const loop = createLoop({
    clock,
    turn: async () => {
      const fine = await turns.turn()
      await mirror.follow()
      afterTurn()
      return fine
    },
    onError: (error) => log.error('a turn ended early', { reason: describeError(error) }),
  })

  return {
    async start() {
      loadAll(options, parts, running)
      overrides.load()
      mirror.load()
      running.announcer = createVoice(options, parts, turns, running, lan, gossip)
      await mendClock(options, parts)
      keep.journal('started', `version ${settings.version}, boot ${running.announcer.boot()}`)
      await paths.prepare()
      await loop.start()
      flows.start(() => running.announcer?.boot() ?? 0)
      void paths.start().then(onChanged)
      void lan?.start()
      gossip.start()
      ownPods.start()
      unwatch = driver.watch(onKernel)
      running.link = openLink(options, parts, running, loop, { gossip, intake, overrides, flows: flows.sender() })
      running.link.start()
      afterTurn()
    },
    async stop() {
      unwatch?.()
      stopWatches(running)
      await loop.stop()
      await flows.stop()
      await paths.stop()
      await lan?.stop()
      uplinks.stop()
      await gossip.stop()
      await ports.stop()
      parts.relay.close()
      overrides.book.close()
      mirror.close()
      ownPods.stop()
      names.close()
      parts.services.close()
      turns.close()
      await running.link?.stop()
      chores.finish()
    },
    ...models.answers,
    paths: () => agentPaths(parts, paths, lan, turns.local().addresses),
    figures: { relay: async () => await parts.relay.metrics(), ledOut: async () => (await driver.ledOut?.()) ?? [] },
    plan: () => turns.plan(),
    ...askedOf(options, running, flows, overrides),
    wake() {
      running.link?.nudge()
      loop.wake('intent')
    },
    exportIntent: () => gossip.write(),
    importIntent: (file) => gossip.read(file),
    trustAnew(detail) {
      trustAnew(parts, detail)
      onFollow()
    },
    ...keyDesk.people,
    noteRtt: (node, rttMs) => peers.noteRtt(node, rttMs),
  }
}
