// The parts of an agent that know nothing of links and turns, each made from those before it.

import { fromBase64 } from '../shared/bytes.ts'
import type { Clock } from '../shared/effects.ts'
import { HoldfastError } from '../shared/errors.ts'
import type { NodeId, WgKey } from '../shared/ids.ts'
import type { BodyOf } from '../shared/record/record.ts'
import type { AgentOptions, RelayDuty } from './agent.ts'
import { createChores, type Memory } from './apply/chores.ts'
import { createKnownTime } from './apply/known-time.ts'
import { createKeyDesk } from './keys/key-desk.ts'
import type { OwnDevice } from './keys/own-device.ts'
import { createKeys, type Keys } from './keys/own-keys.ts'
import type { CapabilityKeeper } from './link/capability-keeper.ts'
import { createOwnCapability } from './link/own-capability.ts'
import { createOwnMirror } from './mirror/own-mirror.ts'
import { type Chooser, createChooser } from './paths/chooser.ts'
import type { FrameSocket } from './paths/doors.ts'
import { createPathEngine } from './paths/engine.ts'
import { createNames } from './paths/names.ts'
import type { Pace } from './paths/path.ts'
import { createPathSizes, type PathSizes } from './paths/path-sizes.ts'
import type { OwnTls, RelayScene } from './paths/relays.ts'
import { createRotation } from './paths/rotation.ts'
import type { TlsEvents } from './paths/ways.ts'
import { createPodWords, openOwnPods } from './pods/words.ts'
import type { DefaultRoute } from './portmap/doors.ts'
import { createOwnPortMapping, type PortMapping } from './portmap/own-portmap.ts'
import { createRelayClient, type RelayClient } from './relay/client.ts'
import { createMemberSets } from './relay/member-set.ts'
import type { OpenedRelay } from './relay/open-relay.ts'
import { createOwnRelay } from './relay/own-relay.ts'
import { createTlsClient, type TlsClient } from './relay/tls-client.ts'
import { createHealth } from './report/health.ts'
import { openLooks } from './report/looks.ts'
import { createMode } from './report/mode.ts'
import { createPeerBook } from './report/peers.ts'
import { openServices } from './services/open.ts'
import { createKeepsakes, type Keepsakes } from './store/keepsakes.ts'
import { createFactBook, type FactBook } from './trust/fact-book.ts'
import { createHolding, type Holding } from './trust/holding.ts'
import { type Anchors, firstKeyring } from './trust/keys.ts'
import type { LockedHolding } from './trust/locked.ts'
import { createMembers, type Members } from './trust/members.ts'
import { createOwnLock } from './trust/own-lock.ts'
import { anchorsOf, createOwnRoot } from './trust/own-root.ts'
import { keepRoot } from './trust/root-pin.ts'
import { createUpkeep, type Upkeep } from './upkeep/upkeep.ts'
import { createOwnUplinks } from './uplinks/own-uplinks.ts'
import type { Uplinks } from './uplinks/uplinks.ts'

/** Where the store keeps the endpoints that worked last. */
export const lastGoodKey = 'last-good-endpoints'
/** … and what upkeep has cost today. */
export const upkeepKey = 'upkeep-today'
/** And what their paths carried, and how good the way out was. */
export const pathSizesKey = 'path-sizes'
export const uplinkQualityKey = 'uplink-quality'
/** Of a network that says nothing else. */
const MTU = 1_420

/** Documents carry whole milliseconds after 1970, whatever the machine's clock says. */
function wholeMs(clock: Clock): Clock {
  return {
    now: () => Math.max(0, Math.floor(clock.now())),
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, run),
  }
}

interface Sources {
  readonly upkeep: Upkeep
  readonly clock: Clock
  readonly holding: Holding
  readonly members: Members
  readonly facts: FactBook
  readonly capability: CapabilityKeeper
  readonly sizes: PathSizes | undefined
  readonly uplinks: Uplinks
  readonly ownDevice: OwnDevice
  /** A peer says that it has another key. */
  readonly onKey: (node: NodeId, statement: Uint8Array) => void
  /** Bytes of words of gossip through the tunnel, of each peer since the start. */
  readonly wordBytes: ReadonlyMap<WgKey, number>
}

/** Undefined where nobody can probe. */
function createSizes(
  { log, paths }: AgentOptions,
  { clock, holding }: Pick<Sources, 'clock' | 'holding'>,
  onChange: () => void,
): PathSizes | undefined {
  if (paths === undefined) return undefined
  const { metered, socket, talk } = paths
  return createPathSizes({
    clock,
    log,
    metered,
    mtu: () => holding.inForce()?.parsed.records.network?.spec.mtu ?? MTU,
    send: (peer, probe, to, bytes) => socket.send(talk.ping(peer, probe, to, bytes), to),
    onChange,
  })
}

function createPaths(options: AgentOptions, sources: Sources, ownTls: OwnTls, onChange: () => void): Chooser {
  const { entropy, identity, log, paths } = options
  const { capability, clock, facts, holding, members, sizes, upkeep, uplinks, wordBytes } = sources
  const signer = sources.ownDevice.recordedSigner
  const network = (): BodyOf<'network'>['spec'] | undefined => holding.inForce()?.parsed.records.network?.spec
  const names = createNames(options.resolve, clock, log)
  const pace = (): Pace => (paths?.metered === true ? 'frugal' : (network()?.failover ?? 'normal'))
  const relayScene = (): RelayScene | undefined => {
    const self = members.me()
    if (self === undefined) return undefined
    return { self, nodes: members.all(), facts: facts.facts, rules: network()?.relayPolicy ?? [] }
  }
  const relayClient = (send: FrameSocket['send']): RelayClient =>
    createRelayClient({
      self: identity.nodeId,
      signer,
      capability: () => capability.current(),
      send,
      clock,
      entropy,
      log,
    })
  const doors = paths?.tls
  const tlsClient =
    doors === undefined
      ? undefined
      : (events: TlsEvents): TlsClient =>
          createTlsClient({ ...events, ...doors, signer, capability: () => capability.current(), clock, entropy, log })
  const own = { self: identity.nodeId, names, clock, entropy, log, pace }
  const engine =
    paths === undefined
      ? undefined
      : createPathEngine({
          ...paths,
          ...own,
          loopback: paths.tls?.loopback,
          thrift: () => upkeep.thrift(),
          ownBytes: (peer) => wordBytes.get(peer) ?? 0,
          relayClient,
          mayAskRelays: () => capability.current() !== undefined,
          sizes,
          tlsClient,
          ownTls,
          relayScene,
          onChange,
          onKey: sources.onKey,
          onHeard: (from) => uplinks.noteHeard(from),
        })
  return createChooser(createRotation(clock, names), engine, log)
}

function openOwnRelay(
  { identity, openRelay }: AgentOptions,
  { anchors, holding }: { readonly anchors: Anchors; readonly holding: LockedHolding },
  port: number,
  tls: RelayDuty['tls'],
): Promise<OpenedRelay> {
  if (openRelay === undefined) throw new HoldfastError('unsupported', 'this agent runs without a relay')
  return openRelay({
    port,
    tls,
    self: identity.nodeId,
    network: identity.network.id,
    trusted: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    members: createMemberSets(holding, identity.nodeId),
  })
}

function createPorts(
  { entropy, log, portMapping, settings, store }: AgentOptions,
  { clock, keep, uplinks }: { readonly clock: Clock; readonly keep: Keepsakes; readonly uplinks: Uplinks },
  onChange: () => void,
): PortMapping {
  // The router to be asked stands at the uplink that is gone by.
  const routes = (): readonly DefaultRoute[] => {
    const [all, by] = [portMapping?.routes() ?? [], uplinks.chosen(4)]
    return by === undefined ? all : all.filter((route) => route.interface === by)
  }
  const doors = portMapping === undefined ? undefined : { ...portMapping, routes }
  return createOwnPortMapping({ doors, clock, entropy, log, port: settings.listenPort, store, keep, onChange })
}

function memoriesOf(books: Readonly<Record<string, Memory['book'] | undefined>>): readonly Memory[] {
  return Object.entries(books).flatMap(([key, book]) => (book === undefined ? [] : [{ key, book }]))
}

function withCounted(options: AgentOptions, upkeep: Upkeep, uplinks: Uplinks): AgentOptions {
  const { paths } = options
  if (paths === undefined) return options
  return { ...options, paths: { ...paths, socket: uplinks.watched(upkeep.metered(paths.socket)) } }
}

function openFacts(
  { log, sha256, store, verify }: AgentOptions,
  members: Members,
  keep: Keepsakes,
  { deviceBook, onKey, onLinks }: Keys,
): FactBook {
  return createFactBook({
    store,
    log,
    sha256,
    verify,
    keyOf(node) {
      const key = members.keyOf(node)
      // Links come in front of the very fact that they lead to, before the members are known by them.
      return key !== undefined && deviceBook.hasLinks(node) ? deviceBook.keyOf(node) : key
    },
    onLinks,
    onTaken: ({ keyStatement, node }) => {
      if (keyStatement !== undefined) onKey(node, fromBase64(keyStatement))
    },
    onRefused: (detail) => keep.journal('fact-refused', detail),
  })
}

/** `request` asks the hub; `onPathChange`: the way to a peer changed; `onUplink`: this node goes out elsewhere now;
 * `onKeys`: a peer goes by another key. */
export function createParts(
  options: AgentOptions,
  request: (payload: Uint8Array) => Promise<void>,
  onPathChange: () => void,
  onUplink: () => void,
  onKeys: () => void,
) {
  const { identity, log, store } = options
  const clock = wholeMs(options.clock)
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, log)
  const root = createOwnRoot(options, keep)
  const anchors = anchorsOf(identity, root.anchors, options)
  const rooted = keepRoot(createHolding(anchors, store, log, options.confirm !== undefined), root)
  const locked = createOwnLock(options, { anchors, keep }, rooted)
  const keys = createKeys(options, { clock, keep, locked }, onKeys)
  const { deviceBook, holding, keyBook, onKey, onLinks, ownDevice, ownKey } = keys
  const members = createMembers(holding, identity.nodeId)
  const facts = openFacts(options, members, keep, keys)
  const peers = createPeerBook(clock, {
    viaOf: (endpoint) => paths.viaOf(endpoint),
    way: (node) => paths.way(node),
    isSilent: (node) => paths.isSilent(node),
  })
  const capability = createOwnCapability(options, { anchors, clock, holding, ownDevice }, request)
  const upkeep = createUpkeep({ ...options.upkeep, clock, log, wireguardBytes: () => peers.upkeepBytes() })
  const uplinks = createOwnUplinks(options, clock, { places: () => paths.stunPlaces(), onSwitch: onUplink })
  const counted = withCounted(options, upkeep, uplinks)
  const sizes = createSizes(counted, { clock, holding }, onPathChange)
  let onLocal: ((node: NodeId) => void) | undefined
  const ownTls: OwnTls = {
    local: () => relay.local(),
    call: (node) => relay.call(node),
    listen: (listener) => void (onLocal = listener),
  }
  const wordBytes = new Map<WgKey, number>()
  const sources = { onKey, ownDevice, capability, clock, facts, holding, members, sizes, upkeep, uplinks, wordBytes }
  const paths = createPaths(counted, sources, ownTls, onPathChange)
  const tlsDuty = (port: number): RelayDuty['tls'] => ({
    port,
    signer: options.signer,
    onLocal: (node) => onLocal?.(node),
    onTrouble: (why) => (why === undefined ? health.clear('relay-tls-closed') : health.raise('relay-tls-closed', why)),
  })
  const relay = createOwnRelay({
    log,
    open: (port, tlsPort) =>
      openOwnRelay(options, { anchors, holding }, port, tlsPort === undefined ? undefined : tlsDuty(tlsPort)),
    onTrouble: (why) => (why === undefined ? health.clear('relay-closed') : health.raise('relay-closed', why)),
  })
  const ports = createPorts(options, { clock, keep, uplinks }, onPathChange)
  const mode = createMode(store, clock)
  const keyDesk = createKeyDesk({ clock, node: identity.name, mode, ownDevice, ownKey, paths, peers }, onKeys)
  const seen = openLooks(options, { clock, paths, peers, uplinks })
  const time = createKnownTime({ clock, keep, log, signedAt: () => holding.held()?.head.issuedAt })
  const ownPods = openOwnPods(options, { clock, health, keep, members }, onPathChange)
  const pods = createPodWords(identity.nodeId, facts, ownPods)
  const mirror = createOwnMirror(options, { clock, health, keep, members, time }, onPathChange)
  const found = openServices(options, { clock, facts, health, holding, keep, members, peers, pods }, onPathChange)
  const kept = { [lastGoodKey]: peers, [upkeepKey]: upkeep, [uplinkQualityKey]: seen.quality, [pathSizesKey]: sizes }
  const chores = createChores({ clock, keep, holding, facts, mode, memories: memoriesOf(kept), store, time })
  const started = { wall: clock.now(), monotonic: clock.monotonic() }
  const keysKnown = { deviceBook, keyBook, keyDesk, onLinks, ownKey }
  const known = { ...sources, ...keysKnown, anchors, root, health, keep, mode, ownPods, paths, peers, pods }
  return { ...known, ...found, ...seen, chores, mirror, ports, relay, started, time }
}

export type Parts = ReturnType<typeof createParts>
