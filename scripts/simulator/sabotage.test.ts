// Each check can fail: agents with one fault built in are caught by the check that is there for it, soon.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Driver } from '../../edge/drivers/driver.ts'
import type { Op } from '../../edge/plan/op.ts'
import type { HeldSet, Store } from '../../edge/store/store.ts'
import { fromUtf8 } from '../../shared/bytes.ts'
import { verify } from '../../shared/host/crypto.ts'
import { emptyTable } from '../../shared/policy/table.ts'
import { simulate } from './run.ts'
import type { Sabotage } from './sabotage.ts'

/** Runs that a fault may take to show. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
const STEPS = 120

/** A driver that is given other operations than the agent gave. */
function twisted(driver: Driver, twist: (ops: readonly Op[]) => readonly Op[]): Driver {
  return { ...driver, apply: (ops) => driver.apply(twist(ops)) }
}

/** Passes everything on; classes keep their methods behind a prototype, which a spread would lose. */
function twistedStore(store: Store, twist: Partial<Store>): Store {
  const get = (_: Store, name: string): unknown => {
    const own = twist[name as keyof Store]
    if (own !== undefined) return own
    const inherited: unknown = Reflect.get(store, name)
    return typeof inherited === 'function' ? inherited.bind(store) : inherited
  }
  return new Proxy<Store>(store, { get })
}

function oldestSet(store: Store): Store {
  let oldest: HeldSet | undefined
  const loadSet = (): HeldSet | undefined => {
    oldest ??= store.loadSet()
    return oldest
  }
  return twistedStore(store, { loadSet })
}

/** What is signed where one root names the next. */
function isLink(message: Uint8Array): boolean {
  return fromUtf8(message).startsWith('holdfast/root/1\0')
}

const faults: Readonly<Record<string, { readonly sabotage: () => Sabotage; readonly caught: RegExp }>> = {
  'believes every signature': {
    sabotage: () => ({ verify: () => true }),
    caught: /talks to a peer that nobody enrolled|keeps a head that does not verify/,
  },
  'believes no signature': {
    sabotage: () => ({ verify: () => false }),
    caught: /runs on revision 0, while its disk has/,
  },
  'believes whatever names the next root': {
    sabotage: () => ({
      verify: (key, message, signature) => isLink(message) || verify(key, message, signature),
    }),
    caught: /pins what the hub never had: root key/,
  },
  'does not follow a root to the next': {
    sabotage: () => ({
      verify: (key, message, signature) => !isLink(message) && verify(key, message, signature),
    }),
    caught: /still pins root key \S+, number \d+, and the hub has root key/,
  },
  'refuses whatever comes after revision 9': {
    sabotage: () => ({
      verify: (key, message, signature) =>
        !/"revision":\d\d/.test(fromUtf8(message)) && verify(key, message, signature),
    }),
    caught: /holds \d instead of \d\d/,
  },
  'starts from the first set it ever had': {
    // One memory for each node: the store is wrapped anew at each start.
    sabotage: () => {
      const wrapped = new Map<Store, Store>()
      return {
        store(store) {
          const known = wrapped.get(store) ?? oldestSet(store)
          wrapped.set(store, known)
          return known
        },
      }
    },
    // What it then takes from a peer may be older than what it had.
    caught: /runs on revision \S+, while its disk has|went back from revision/,
  },
  'writes a set without its last record': {
    sabotage: () => ({
      store: (store) =>
        twistedStore(store, {
          saveSet: (change) => store.saveSet({ ...change, put: new Map([...change.put].slice(0, -1)) }),
        }),
    }),
    caught: /keeps a set that its head does not vouch for/,
  },
  'removes a peer that is silent': {
    sabotage: () => ({
      driver: (driver) => ({
        ...driver,
        async read() {
          const observed = await driver.read()
          const silent = observed.device?.peers.find(({ handshakeAt }) => handshakeAt === 0)
          if (silent !== undefined) await driver.apply([{ op: 'peer-remove', wgKey: silent.wgKey }])
          return observed
        },
      }),
    }),
    caught: /removes a peer that both its newest and its last good revision contain/,
  },
  'lets a member in again that was removed': {
    sabotage: () => {
      const back = (op: Op): Op[] =>
        op.op === 'peer-remove' ? [op, { op: 'peer-set', wgKey: op.wgKey, allowedIps: [] }] : [op]
      return { driver: (driver) => twisted(driver, (ops) => ops.flatMap(back)) }
    },
    caught: /talks to a peer that the newest revision it holds has removed/,
  },
  'opens before the policy stands': {
    sabotage: () => {
      const last = (op: Op): number => (op.op === 'policy-set' ? 1 : 0)
      return { driver: (driver) => twisted(driver, (ops) => [...ops].sort((a, b) => last(a) - last(b))) }
    },
    caught: /has peers but no policy/,
  },
  'enforces half a policy': {
    sabotage: () => {
      const halve = (op: Op): Op =>
        op.op === 'policy-set' ? { ...op, policy: { ...op.policy, phases: [{ table: emptyTable }] } } : op
      return { driver: (driver) => twisted(driver, (ops) => ops.map(halve)) }
    },
    caught: /enforces a policy that no revision prescribes/,
  },
  'claims what it did not do': {
    sabotage: () => ({
      driver: (driver) => ({
        ...driver,
        async apply(ops) {
          const { failed } = await driver.apply(ops.filter((op) => op.op !== 'route-add'))
          return { done: ops.filter((op) => !failed.some((one) => one.op === op)), failed }
        },
      }),
    }),
    caught: /still wants to route-add/,
  },
}

for (const [fault, { caught, sabotage }] of Object.entries(faults)) {
  test(`an agent that ${fault} is caught`, async () => {
    const breaches: string[] = []
    for (const seed of SEEDS) {
      const ran = await simulate({ seed, steps: STEPS, nodes: 4, sabotage: sabotage() })
      breaches.push(...ran.breaches)
      if (ran.breaches.some((breach) => caught.test(breach))) return
    }
    assert.unreachable(`nobody says ${caught}, but: ${breaches.join('; ')}`)
  })
}

test.run()
