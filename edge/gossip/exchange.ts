// One exchange with a peer over one channel, the same for both ends: each shows what it holds, gives what the other lacks, and
// says when it is done. Intent goes first, because facts are verified by the members it names.

import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { recordsMax } from '../../shared/limits.ts'
import { compareVersion } from '../../shared/record/head.ts'
import type { Frame, Stamps } from '../../shared/wire/frames.ts'
import type { GossipState, Stamp } from '../../shared/wire/gossip-state.ts'
import type { Channel, ChannelEvents } from './doors.ts'

/** What one end holds, and takes. */
export interface Holder {
  state(): GossipState
  stamps(): Stamps
  fact(node: NodeId): Uint8Array | undefined
  /** What brings the other from its state to ours. */
  intentFor(state: GossipState): Frame
  /** Takes what verifies; throws where it does not. */
  takeIntent(kind: 'delta' | 'snapshot', deflated: Uint8Array): void
  takeFact(node: NodeId, envelope: Uint8Array): void
}

export interface ExchangeOptions {
  readonly holder: Holder
  /** Who begins shows first. */
  readonly begins: boolean
  /** Lists of facts are compared; the one who begins decides. */
  readonly facts: boolean
  /** Once. Why it ended early, if it did. */
  readonly onEnd: (why?: string) => void
}

export interface Exchange extends ChannelEvents {
  /** Events that come before are kept out by the door: a channel is attached in the turn in which it opens. */
  attach(channel: Channel): void
}

function isNewer(one: Stamp, other: Stamp | undefined): boolean {
  return other === undefined || one.boot > other.boot || (one.boot === other.boot && one.seq > other.seq)
}

export function createExchange({ begins, facts, holder, onEnd }: ExchangeOptions): Exchange {
  let channel: Channel | undefined
  let theirs: GossipState | undefined
  let compares = facts
  let shown = false
  let giving = false
  let told = false
  let heardAll = false
  let took = false
  let factsTaken = 0
  let ended = false

  const end = (why?: string): void => {
    if (ended) return
    ended = true
    onEnd(why)
  }

  const fail = (error: unknown): void => {
    end(describeError(error))
    channel?.close()
  }

  const closeIfDone = (): void => {
    if (!told || !heardAll) return
    end()
    // The other end may still read what we said: it closes when it has, and then so do we.
    if (begins) channel?.close()
  }

  const say = async (frames: Iterable<Frame>): Promise<void> => {
    for (const frame of frames) await channel?.send(frame)
  }

  const show = async (): Promise<void> => {
    shown = true
    await say([{ type: 'state', state: holder.state(), stampsFollow: compares }])
    if (compares) await say([{ type: 'stamps', stamps: holder.stamps() }])
  }

  function* lacking(state: GossipState, stamps: Stamps | undefined): Generator<Frame> {
    if (compareVersion(holder.state().version, state.version) > 0) yield holder.intentFor(state)
    if (stamps !== undefined) {
      for (const [node, stamp] of holder.stamps()) {
        const envelope = isNewer(stamp, stamps.get(node)) ? holder.fact(node) : undefined
        if (envelope !== undefined) yield { type: 'fact', node, envelope }
      }
    }
    yield { type: 'end' }
  }

  const give = async (state: GossipState, stamps: Stamps | undefined): Promise<void> => {
    giving = true
    if (!shown) await show()
    await say(lacking(state, stamps))
    told = true
    closeIfDone()
  }

  const refuse = (what: string): never => {
    throw new HoldfastError('invalid', `a peer ${what}`)
  }

  const hearState = (frame: Frame & { type: 'state' }): void => {
    if (theirs !== undefined) refuse('shows twice what it holds')
    theirs = frame.state
    // Who begins decides; the other follows.
    if (begins && frame.stampsFollow !== compares) refuse('compares facts unasked')
    compares = frame.stampsFollow
    if (!compares) give(frame.state, undefined).catch(fail)
  }

  const hearIntent = (kind: 'delta' | 'snapshot', deflated: Uint8Array): void => {
    if (theirs === undefined || took) refuse('gives intent out of turn')
    took = true
    holder.takeIntent(kind, deflated)
  }

  const hear = (frame: Frame): void => {
    switch (frame.type) {
      case 'state':
        return hearState(frame)
      case 'stamps':
        if (theirs === undefined || !compares || giving) return refuse('lists its facts out of turn')
        return void give(theirs, frame.stamps).catch(fail)
      case 'delta':
      case 'snapshot':
        return hearIntent(frame.type, frame.deflated)
      case 'fact':
        factsTaken += 1
        if (!compares || factsTaken > recordsMax) return refuse('gives facts out of turn')
        return holder.takeFact(frame.node, frame.envelope)
      case 'end':
        if (theirs === undefined || heardAll) return refuse('ends out of turn')
        heardAll = true
        return closeIfDone()
    }
  }

  return {
    attach(opened) {
      channel = opened
      if (begins) show().catch(fail)
    },
    onFrame(frame) {
      if (ended) return
      try {
        hear(frame)
      } catch (error) {
        fail(error)
      }
    },
    onClosed: (why) => end(why ?? (told && heardAll ? undefined : 'the peer hung up')),
  }
}
