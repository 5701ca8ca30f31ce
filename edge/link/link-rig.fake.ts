// A device's link to a hub over a broker in memory, in virtual time.

import { FakeBroker } from '../../shared/bus.fake.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { acceptSnapshot, type Held } from '../trust/accept.ts'
import { FakeHub, testDevice, testInflate, testNetwork } from './hub.fake.ts'
import { createHubLink, type HubLink } from './hub-link.ts'
import { createSync } from './sync.ts'

export const me = testDevice('me', 1)
export const other = testDevice('other', 2)

export interface Rig {
  readonly clock: FakeClock
  readonly broker: FakeBroker
  readonly hub: FakeHub
  readonly link: HubLink
  readonly refused: string[]
  /** What the record of flows was told of the hub. */
  readonly flows: string[]
  revision(): number
  held: Held | undefined
  advance(ms: number): Promise<void>
}

export function rig(holdFirst = false): Rig {
  const clock = new FakeClock()
  const broker = new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const hub = new FakeHub().putNode(me)
  hub.commit()
  const refused: string[] = []
  const flows: string[] = []
  let link: HubLink | undefined
  const entropy = seededEntropy(7)
  const log = memoryLog()
  const { anchors } = hub
  const self: { held: Held | undefined } = {
    held: holdFirst ? acceptSnapshot(anchors, undefined, hub.snapshot()).next : undefined,
  }
  const sync = createSync({
    anchors,
    clock,
    entropy,
    log,
    inflate: testInflate,
    held: () => self.held,
    onAccepted: ({ next }) => {
      self.held = next
    },
    onRefused: (detail) => void refused.push(detail),
    onSound: () => undefined,
    send: (payload) => link?.request(payload) ?? Promise.reject(new TypeError('too early')),
  })
  const made = createHubLink({
    bus: broker.factory('me'),
    network: testNetwork,
    node: me.nodeId,
    clock,
    entropy,
    log,
    sync,
    flows: {
      hubOnline: () => void flows.push('there'),
      down: () => void flows.push('gone'),
      onReply: () => void flows.push('reply'),
    },
    onFact: () => undefined,
    onRefused: (detail) => void refused.push(detail),
    onChange: () => undefined,
  })
  link = made
  return {
    clock,
    broker,
    hub,
    link: made,
    refused,
    flows,
    revision: () => self.held?.version.revision ?? 0,
    get held() {
      return self.held
    },
    set held(next) {
      self.held = next
    },
    advance: (ms) => clock.advanceAsync(ms),
  }
}

export async function connected(holdFirst = false): Promise<Rig> {
  const r = rig(holdFirst)
  r.hub.attach(r.broker)
  await r.advance(100)
  r.link.start()
  await r.advance(500)
  return r
}
