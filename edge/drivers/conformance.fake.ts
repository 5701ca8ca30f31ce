// What every driver must do, run against each of them: reach what the planner asks for, see what others break, adopt
// what an earlier process left, and leave nothing behind.

import * as assert from 'uvu/assert'
import { type Cidr, parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { desire } from '../plan/desire.ts'
import type { Desired } from '../plan/desired.ts'
import { renderServices } from '../plan/nft-services.ts'
import type { Op } from '../plan/op.ts'
import { plan } from '../plan/plan.ts'
import type { Driver } from './driver.ts'
import { fakeExit } from './exit.fake.ts'

/** What somebody with a root shell may do behind the agent's back. */
export interface Sabotage {
  removePeer(wgKey: WgKey): Promise<void>
  removeAddress(cidr: Cidr): Promise<void>
  removeRoute(destination: Cidr): Promise<void>
  removePolicy(): Promise<void>
  removeTable(): Promise<void>
  removeServices(): Promise<void>
  /** Takes one rule out, or puts one in. */
  changePolicy(): Promise<void>
  removeLink(): Promise<void>
  takeDown(): Promise<void>
  addAddress(cidr: Cidr): Promise<void>
}

export interface Subject {
  readonly interface: string
  readonly wgKey: WgKey
  /** A driver as a new process would make it, over the same kernel. */
  start(): Driver
  readonly sabotage: Sabotage
  close(): Promise<void>
}

export type Define = (name: string, run: () => Promise<void>) => void

export function sampleRecords(wgKey: WgKey): ParsedRecords {
  return fakeRecords({
    nodes: [
      { name: 'self', wgKey, labels: { role: 'web' }, advertise: ['192.168.40.0/24'] },
      { name: 'db', labels: { role: 'db' } },
      { name: 'gw', labels: { role: 'gw' }, advertise: ['192.168.50.0/24', 'fd50::/64'] },
    ],
    policies: {
      ssh: {
        tier: 'Admin',
        subject: { nodeSelector: {} },
        ingress: [{ action: 'Deny', from: [{ nodeSelector: { matchLabels: { role: 'gw' } } }], ports: [{ port: 22 }] }],
      },
      web: {
        subject: { nodeSelector: { matchLabels: { role: 'web' } } },
        ingress: [
          {
            from: [{ nodeSelector: { matchLabels: { role: 'db' } } }],
            ports: [{ port: 80 }, { port: 8000, endPort: 8010 }],
          },
          { from: [{ ipBlock: { cidr: '10.77.0.0/24', except: ['10.77.0.64/26'] } }], ports: [{ protocol: 'ICMP' }] },
        ],
        egress: [{ to: [], ports: [{ protocol: 'UDP', port: 53 }, { protocol: 'SCTP' }] }],
      },
    },
    routes: {
      plant: { destination: '192.168.50.0/24', via: { matchLabels: { role: 'gw' } } },
      plant6: { destination: 'fd50::/64', via: { matchLabels: { role: 'gw' } }, nat: 'none' },
      shop: { destination: '192.168.40.0/24', via: { matchLabels: { role: 'web' } } },
    },
  })
}

/** The sample network as the subject should program it. */
export function sampleDesired(subject: Pick<Subject, 'interface' | 'wgKey'>, records: ParsedRecords): Desired {
  const { desired } = desire({
    records,
    self: 'baaaaaaaaaaaaaaa' as NodeId,
    wgKey: subject.wgKey,
    interface: subject.interface,
    listenPort: 51_830,
    meshPort: 51_822,
    endpoints: new Map([['caaaaaaaaaaaaaaa' as NodeId, parseEndpoint('127.0.0.1:51999')]]),
    local: [],
  })
  return { ...desired, services: servicesOf(['10.77.0.2', 'fd77::2']) }
}

/** A service with one of these alone, and one that all of a kind have, of each family and both protocols. */
function servicesOf(addresses: readonly string[]): string {
  const [four, six] = [parseAddress('10.77.0.200'), parseAddress('fd77::c8')]
  const place = (port: number) => (address: string) => ({ address: parseAddress(address), port })
  const to = ['10.77.0.2', '10.77.0.3'].map(place(8_080))
  return renderServices({
    interface: 'hf0',
    virtual: [four, six, parseAddress('10.77.0.201')],
    ways: [
      ...addresses.map((address) => ({
        virtual: address.includes(':') ? six : four,
        protocol: 'udp' as const,
        port: 53,
        to: [place(53)(address)],
      })),
      { virtual: four, protocol: 'tcp', port: 80, to },
      { virtual: six, protocol: 'tcp', port: 80, to: ['fd77::2', 'fd77::3'].map(place(80)) },
      { virtual: four, protocol: 'tcp', port: 81, to: [] },
      { virtual: four, protocol: 'tcp', port: 82, byClient: true, to },
      { virtual: six, protocol: 'udp', port: 82, byClient: true, to: ['fd77::2', 'fd77::3'].map(place(82)) },
    ],
    lost: [
      { virtual: four, backend: parseAddress('10.77.0.9') },
      { virtual: six, backend: parseAddress('fd77::9') },
    ],
  })
}

/** One turn: read, plan, apply; everything must be reached, and the next plan must be empty. */
export async function turn(driver: Driver, desired: Desired): Promise<readonly Op[]> {
  const ops = plan(desired, await driver.read())
  const { done, failed } = await driver.apply(ops)
  assert.equal(
    failed.map(({ op, error }) => `${op.op}: ${String(error)}`),
    [],
  )
  assert.equal(done, ops)
  assert.equal(plan(desired, await driver.read()), [], 'a second plan is empty')
  return ops
}

type Case = (subject: Subject, driver: Driver, desired: Desired) => Promise<void>

const names = (ops: readonly Op[]): readonly string[] => ops.map((op) => op.op)

const repairs: Readonly<Record<string, readonly [(s: Sabotage) => Promise<void>, readonly string[]]>> = {
  'a removed peer': [(s) => s.removePeer(fakeWgKey(2)), ['peer-set']],
  'a removed address': [(s) => s.removeAddress('10.77.0.1/32' as Cidr), ['address-add']],
  'a removed IPv6 address': [(s) => s.removeAddress('fd77::1/128' as Cidr), ['address-add']],
  'a removed route': [(s) => s.removeRoute('192.168.50.0/24' as Cidr), ['route-add']],
  'a removed policy': [(s) => s.removePolicy(), ['policy-set']],
  'a changed policy': [(s) => s.changePolicy(), ['policy-set']],
  'a removed table': [(s) => s.removeTable(), ['ruleset-set']],
  'removed services': [(s) => s.removeServices(), ['services-set']],
  'a foreign address': [(s) => s.addAddress('10.77.0.99/32' as Cidr), ['address-remove']],
}

const cases: Readonly<Record<string, Case>> = {
  'reaches a whole network from nothing, policy first': async (_subject, driver, desired) => {
    const ops = await turn(driver, desired)
    assert.is(ops[0]?.op, 'policy-set')
    const seen = await driver.read()
    assert.is(seen.link?.up, true)
    assert.is(seen.link?.mtu, 1_420)
    assert.equal(seen.link?.addresses, desired.addresses)
    assert.equal(seen.routes, desired.routes)
    assert.is(seen.device?.listenPort, 51_830)
    assert.equal(
      seen.device?.peers.map(({ wgKey, allowedIps, keepaliveS }) => ({ wgKey, allowedIps, keepaliveS })),
      desired.peers.map(({ wgKey, allowedIps, keepaliveS, endpoint }) => {
        return { wgKey, allowedIps, keepaliveS: endpoint === undefined ? 0 : keepaliveS }
      }),
    )
    assert.is(seen.device?.peers.find(({ wgKey }) => wgKey === fakeWgKey(2))?.endpoint, '127.0.0.1:51999')
  },
  'an interface that was removed comes back whole': async (subject, driver, desired) => {
    await turn(driver, desired)
    await subject.sabotage.removeLink()
    assert.is((await driver.read()).link, undefined)
    assert.ok(names(await turn(driver, desired)).includes('link-add'))
  },
  'an interface that was taken down comes up with its routes': async (subject, driver, desired) => {
    await turn(driver, desired)
    await subject.sabotage.takeDown()
    const ops = names(await turn(driver, desired))
    assert.ok(ops.includes('link-set') && ops.includes('route-add'))
  },
  'a new process adopts what stands and disturbs nothing but the tables it can not know': async (
    subject,
    driver,
    desired,
  ) => {
    await turn(driver, desired)
    assert.equal(names(await turn(subject.start(), desired)), ['policy-set', 'ruleset-set', 'services-set'])
  },
  'an address moves between peers, and nobody else is touched': async (subject, driver, desired) => {
    await turn(driver, desired)
    const records = sampleRecords(subject.wgKey)
    const [self, db, gw] = records.nodes
    assert.ok(self && db && gw)
    const swapped = {
      ...records,
      nodes: [self, { ...db, addresses: gw.addresses }, { ...gw, addresses: db.addresses }],
    }
    await turn(driver, sampleDesired(subject, swapped))
    await turn(driver, desired)
  },
  'a route takes another MTU in place, and loses it again': async (_subject, driver, desired) => {
    await turn(driver, desired)
    const less = (size: { mtu: number }): Desired => {
      return { ...desired, routes: desired.routes.map((route) => ({ ...route, ...size })) }
    }
    for (const wanted of [less({ mtu: 1_328 }), less({ mtu: 1_216 }), desired]) {
      assert.equal([...new Set(names(await turn(driver, wanted)))], ['route-change'])
      assert.equal((await driver.read()).routes, wanted.routes)
    }
  },
  'a peer that left the network goes, the others stay': async (subject, driver, desired) => {
    await turn(driver, desired)
    const records = sampleRecords(subject.wgKey)
    const fewer = { ...records, nodes: records.nodes.filter((node) => node.name !== 'gw') }
    const ops = names(await turn(driver, sampleDesired(subject, fewer)))
    assert.ok(ops.includes('peer-remove') && ops.includes('route-remove') && !ops.includes('link-add'))
  },
  'services become others, and go with the last of them': async (_subject, driver, desired) => {
    await turn(driver, desired)
    for (const services of [servicesOf(['10.77.0.3']), '', servicesOf([]), '']) {
      assert.equal(names(await turn(driver, { ...desired, services })), ['services-set'])
    }
    // None but its own: nobody was asked for anything.
    assert.is((await driver.read()).used, undefined)
  },
  'it goes out by others, otherwise, and by itself again': async (subject, driver, desired) => {
    await turn(driver, desired)
    for (const resolvers of [['9.9.9.9'], ['9.9.9.9', '2620:fe::9', '1.1.1.1']]) {
      const exit = fakeExit(subject.interface, resolvers)
      assert.equal(names(await turn(driver, { ...desired, exit })), ['exit-set'])
      // Whoever starts now finds what stands, and puts its own in its place.
      assert.ok(names(await turn(subject.start(), { ...desired, exit })).includes('exit-set'))
      await turn(driver, { ...desired, exit })
    }
    assert.equal(names(await turn(driver, desired)), ['exit-set'])
    assert.is((await driver.read()).exit, undefined)
  },
  'what has never been there is cleaned up without complaint': async (_subject, driver) => {
    await driver.cleanup()
  },
  'cleaning up leaves nothing': async (subject, driver, desired) => {
    await turn(driver, { ...desired, exit: fakeExit(subject.interface, ['9.9.9.9']) })
    await driver.cleanup()
    const { link, device, exit, policy, routes, ruleset, services } = await driver.read()
    assert.equal(
      { link, device, exit, policy, routes, ruleset, services },
      {
        link: undefined,
        device: undefined,
        exit: undefined,
        policy: undefined,
        routes: [],
        ruleset: undefined,
        services: '',
      },
    )
    await turn(driver, desired)
  },
  'the watcher hears of a change': async (subject, driver, desired) => {
    await turn(driver, desired)
    const heard = Promise.withResolvers<void>()
    const stop = driver.watch(() => heard.resolve())
    const nudge = setInterval(
      () => void subject.sabotage.addAddress('10.77.0.98/32' as Cidr).catch(() => undefined),
      200,
    )
    await heard.promise
    clearInterval(nudge)
    stop()
    await turn(driver, desired)
  },
}

export function defineConformance(define: Define, open: () => Promise<Subject>): void {
  const all: readonly (readonly [string, Case])[] = [
    ...Object.entries(cases),
    ...Object.entries(repairs).map(([what, [sabotage, expected]]): readonly [string, Case] => [
      `${what} is repaired, and only that`,
      async (subject, driver, desired) => {
        await turn(driver, desired)
        await sabotage(subject.sabotage)
        const ops = names(await turn(driver, desired))
        // The last address of a family takes the routes of that family along.
        assert.equal(
          ops.filter((op) => op !== 'route-add' || expected.includes(op)),
          expected,
        )
      },
    ]),
  ]
  for (const [name, run] of all) {
    define(name, async () => {
      const subject = await open()
      try {
        await run(subject, subject.start(), sampleDesired(subject, sampleRecords(subject.wgKey)))
      } finally {
        await subject.close()
      }
    })
  }
}
