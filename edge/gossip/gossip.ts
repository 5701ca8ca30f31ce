// Gossip of one node: carries words, frames and time to the mind, and what it decides to the door. It decides nothing.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { gossipExchangesInMax } from '../../shared/limits.ts'
import { compareVersion } from '../../shared/record/head.ts'
import { parseState } from '../../shared/wire/gossip-state.ts'
import { createRate } from '../echo/rate.ts'
import { createAlarm } from '../paths/alarm.ts'
import type { Member } from '../report/peers.ts'
import type { Caller, Channel, ChannelEvents, GossipDoor, GossipHost, Place } from './doors.ts'
import { createExchange, type Exchange, type ExchangeOptions } from './exchange.ts'
import type { Hearsay } from './hearsay.ts'
import type { Holdings } from './holder.ts'
import { createMind, type MindAction, type MindEvent } from './mind.ts'
import { createTally, type GossipStatus } from './tally.ts'
import { createWays, type WaysOptions } from './ways.ts'
import { encodeWord, parseWord } from './words.ts'

export interface GossipOptions extends WaysOptions {
  readonly metered: boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly door: GossipDoor
  readonly holdings: Holdings
  readonly keyOf: GossipHost['keyOf']
  readonly isNextDoor: GossipHost['isNextDoor']
  /** The members of the set in force, this node among them. */
  readonly members: () => readonly Member[]
  /** The hub is there; undefined until it was found, or looked for in vain. */
  readonly online: () => boolean | undefined
  readonly isRelay: () => boolean
  /** Words passed through the tunnel: they are not payload, and keep no path awake. */
  readonly onTunnelBytes: (member: Member, bytes: number) => void
  /** An exchange passed so many bytes. */
  readonly onExchanged: (bytes: number) => void
}

export interface Gossip {
  start(): void
  stop(): Promise<void>
  /** Members, their ways, and whether the hub is there, may have changed: once a turn. */
  follow(): void
  /** A newer revision is held. */
  taken(by: NodeId | undefined, alone: boolean): void
  /** A fact became known. */
  fact(about: NodeId, by: NodeId | 'self' | 'hub'): void
  /** A neighbour’s beacon tells what it holds. */
  heardBeacon(node: NodeId, state: Uint8Array): void
  status(): GossipStatus
  /** What peers say of themselves. */
  hearsay(): Hearsay
}

/** Words of one peer: a round of rumour, some facts, and room for a restart. */
const WORD_RATE = { perSecond: 10, burst: 60, sourcesMax: 4_096 }
/** Exchanges one peer begins. */
const EXCHANGE_RATE = { perSecond: 0.5, burst: 8, sourcesMax: 4_096 }
/** Facts passed on: what is more is found by comparing. */
const FACT_RATE = { perSecond: 10, burst: 60, sourcesMax: 1 }
const FACT_RATE_METERED = { perSecond: 0.1, burst: 12, sourcesMax: 1 }
/** IP, UDP, and WireGuard's header and tag, rounded up to its blocks. */
const AROUND_BYTES = 28 + 32 + 16
const AROUND_BYTES_V6 = AROUND_BYTES + 20

type ExchangeAction = MindAction & { readonly type: 'exchange' }

function stateWord(holdings: Holdings, type: 'hello' | 'answer'): Uint8Array | undefined {
  return encodeWord({ type, state: holdings.state() })
}

export function createGossip(options: GossipOptions): Gossip {
  const { clock, door, entropy, holdings, log, metered, self } = options
  const [tally, ways] = [createTally(clock), createWays(options)]
  const [mayHear, mayBegin] = [createRate(clock, WORD_RATE), createRate(clock, EXCHANGE_RATE)]
  const maySpread = createRate(clock, metered ? FACT_RATE_METERED : FACT_RATE)
  const mind = createMind({
    metered,
    random: () => entropy.fraction(),
    own: () => holdings.state(),
    isRelay: options.isRelay,
    now: clock.monotonic(),
  })
  let [members, byAddress] = [new Map<NodeId, Member>(), new Map<Address, Member>()]
  let madeOf: readonly Member[] | undefined
  let [online, running]: [boolean | undefined, boolean] = [undefined, false]
  /** Exchanges under way, by channel; those that others began are counted. */
  const open = new Map<Channel, { readonly node: NodeId; readonly served: boolean }>()

  const tell = (event: MindEvent): void => {
    if (!running) return
    for (const action of mind.handle(event, clock.monotonic())) perform(action)
    alarm.at(mind.dueAt())
  }

  const alarm = createAlarm(clock, () => {
    tell({ type: 'time' })
    return mind.dueAt()
  })

  const passed = (member: Member, address: Address, bytes: number): void =>
    options.onTunnelBytes(member, bytes + (address.includes(':') ? AROUND_BYTES_V6 : AROUND_BYTES))

  const say = (node: NodeId, bytes: Uint8Array | undefined, placesMax?: number): boolean => {
    const member = members.get(node)
    const addresses = member === undefined ? [] : ways.addresses(member).slice(0, placesMax)
    if (member === undefined || bytes === undefined) return false
    for (const address of addresses) {
      passed(member, address, bytes.length)
      door.send(bytes, address)
    }
    return addresses.length > 0
  }

  const perform = (action: MindAction): void => {
    switch (action.type) {
      case 'hello':
      case 'answer':
        // Whoever asked was heard a moment ago, at the address that it is answered at.
        if (say(action.node, stateWord(holdings, action.type), action.type === 'answer' ? 1 : undefined))
          tally.said(action.type)
        break
      case 'fact': {
        const envelope = holdings.fact(action.about)
        if (envelope === undefined || !maySpread('')) break
        // One that is too large for a datagram is found by comparing.
        const word = encodeWord({ type: 'fact', node: action.about, envelope })
        if (say(action.node, word ?? stateWord(holdings, 'hello'))) tally.said('fact')
        break
      }
      case 'exchange':
        void begin(action)
        break
    }
  }

  const exchangeWith = ({ name, nodeId }: Member, how: Pick<ExchangeOptions, 'begins' | 'facts' | 'onEnd'>): Exchange =>
    createExchange({ ...how, holder: holdings.holder({ by: 'peer', peer: name }, nodeId) })

  const dial = async (place: Place, member: Member, facts: boolean): Promise<void> => {
    const over = Promise.withResolvers<void>()
    const onEnd = (why?: string): void =>
      why === undefined ? over.resolve() : over.reject(new HoldfastError('failed', why))
    const exchange = exchangeWith(member, { begins: true, facts, onEnd })
    const channel = await door.dial(place, exchange)
    open.set(channel, { node: member.nodeId, served: false })
    exchange.attach(channel)
    try {
      await over.promise
    } finally {
      open.delete(channel)
      options.onExchanged(channel.bytes())
    }
  }

  /** Resolves to why it failed. */
  const dialAny = async (member: Member, { facts, wakes }: ExchangeAction): Promise<string | undefined> => {
    let why = 'there is no way'
    for (const place of ways.places(member, wakes)) {
      try {
        await dial(place, member, facts)
        return undefined
      } catch (error) {
        why = describeError(error)
      }
    }
    return why
  }

  const begin = async (action: ExchangeAction): Promise<void> => {
    const { facts, node } = action
    const [promised, member] = [mind.promised(node), members.get(node)]
    const why = member === undefined ? 'it is no member' : await dialAny(member, action)
    const behind = promised !== undefined && compareVersion(holdings.state().version, promised) < 0
    const fine = why === undefined && !behind
    tally.began(member?.name, fine)
    if (!fine) {
      log.debug('an exchange failed', {
        peer: member?.name,
        why: why ?? 'it did not give what it showed',
      })
    }
    tell({ type: 'ended', node, fine, facts })
  }

  const callerOf = (caller: Caller): Member | undefined => {
    const member = caller.type === 'lan' ? members.get(caller.node) : byAddress.get(caller.address)
    return member?.nodeId === self ? undefined : member
  }

  const onChannel = (caller: Caller, channel: Channel): ChannelEvents | undefined => {
    const member = callerOf(caller)
    const served = [...open.values()].filter((one) => one.served).length
    if (member === undefined || served >= gossipExchangesInMax || !mayBegin(member.nodeId)) {
      tally.refused()
      return undefined
    }
    const { nodeId: node } = member
    const onEnd = (why?: string): void => {
      open.delete(channel)
      options.onExchanged(channel.bytes())
      tally.served(member.name, why === undefined)
      tell({ type: 'served', node })
      if (why !== undefined) log.debug('an exchange that a peer began failed', { peer: member.name, why })
    }
    const exchange = exchangeWith(member, { begins: false, facts: false, onEnd })
    open.set(channel, { node, served: true })
    exchange.attach(channel)
    return exchange
  }

  const onDatagram = (bytes: Uint8Array, from: Address): void => {
    const member = byAddress.get(from)
    if (member === undefined || member.nodeId === self || !mayHear(member.nodeId)) return
    const word = parseWord(bytes)
    if (word === undefined) return tally.refused()
    passed(member, from, bytes.length)
    tally.heard(member.name)
    ways.heard(member.nodeId, from)
    if (word.type === 'fact') {
      holdings.takeFact(word.node, word.envelope, member.nodeId)
      return undefined
    }
    tell({ type: 'heard', node: member.nodeId, state: word.state, how: word.type })
    return undefined
  }

  const setMembers = (): void => {
    const all = options.members()
    if (all === madeOf) return
    madeOf = all
    members = new Map(all.map((member) => [member.nodeId, member]))
    byAddress = new Map(all.flatMap((member) => member.addresses.map((address) => [address, member] as const)))
    // Who is no member any more gets nothing further.
    for (const [channel, { node }] of open) if (!members.has(node)) channel.close()
  }

  const follow = (): void => {
    const list = running ? ways.news(members) : undefined
    if (list !== undefined) tell({ type: 'peers', list })
  }

  const followMode = (): void => {
    if (options.online() === online) return
    online = options.online()
    tell({ type: 'mode', online })
  }

  return {
    start() {
      running = true
      setMembers()
      const { isNextDoor, keyOf } = options
      const addresses = (): readonly Address[] => members.get(self)?.addresses ?? []
      door.open({ addresses, keyOf, isNextDoor, onDatagram, onChannel })
      follow()
      followMode()
    },
    async stop() {
      running = false
      alarm.cancel()
      for (const channel of open.keys()) channel.close()
      await door.close()
    },
    follow() {
      if (!running) return
      setMembers()
      follow()
      followMode()
    },
    taken(by, alone) {
      setMembers()
      follow()
      tell({ type: 'taken', by, alone })
    },
    fact: (about, by) => tell({ type: 'fact', about, by }),
    heardBeacon(node, bytes) {
      const state = parseState(bytes)
      if (state !== undefined && members.has(node)) tell({ type: 'heard', node, state, how: 'beacon' })
    },
    status: () => tally.status(),
    hearsay: () => mind.hearsay(clock.monotonic()),
  }
}
