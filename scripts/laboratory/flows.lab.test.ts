// Both ways of counting flows, held to the same, with real packets through a router: what passed and what was dropped is
// counted under who opened it, each way, to the packet, and stays counted when policy is replaced and while no agent runs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { createRunner } from '../../edge/drivers/command.ts'
import { createFlowReader, removeFlows } from '../../edge/drivers/flows.ts'
import type { PolicyDriver } from '../../edge/drivers/policy-driver.ts'
import type { FlowReader, FlowSnapshot } from '../../edge/flows/counters.ts'
import { deltasOf } from '../../edge/flows/deltas.ts'
import { summarise } from '../../edge/flows/summary.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { FlowRecord } from '../../shared/flows/batch.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import { contentOf, firstPacket, packetOf } from './first-packet.ts'
import { type Forwarded, type Frame, openForwarded } from './forwarded.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { policyDrivers } from './policy-drivers.fake.ts'

/** In a subnet that node `a` stands for, and a node of the mesh. */
const HERE = '10.42.0.9' as Address
const PEER = '10.77.0.2' as Address
const HERE6 = 'fd42::9' as Address
const PEER6 = 'fd77::2' as Address

function letting(...open: readonly object[]): Enforcement {
  const policies = {
    in: { subject: { nodeSelector: {} }, policyTypes: ['Ingress'], ingress: [{ ports: open }] },
    out: { subject: { nodeSelector: {} }, policyTypes: ['Egress'], egress: [] },
  }
  const forwards = ['10.42.0.0/16', 'fd42::/64'].map((block) => ({ destination: block as Cidr, nat: 'none' as const }))
  const { table } = compileTable(fakeWorld({ policies }), 'a')
  return { interface: 'hf0', meshPort: 51_822, self: '10.77.0.1' as Address, phases: [{ table }], forwards }
}

type Flow = Parameters<typeof contentOf>[0]

function into(port: number, to: Address = HERE): Flow {
  return { from: to === HERE ? PEER : PEER6, to, protocol: 'UDP', port }
}

function first(flow: Flow): Frame {
  const side = flow.from === HERE || flow.from === HERE6 ? 'lan' : 'mesh'
  return { side, bytes: (place) => firstPacket({ ...flow, place }) }
}

/** The same words the other way, with the ports changed over. */
function answer({ from, to, ...rest }: Flow): Frame {
  const { content, number } = contentOf({ from: to, to: from, ...rest })
  const turned = Buffer.concat([content.subarray(2, 4), content.subarray(0, 2), content.subarray(4)])
  return { side: 'lan', bytes: (place) => packetOf({ from: to, to: from, number, content: turned, place }) }
}

let directory = ''
let router: Forwarded

interface Told {
  readonly snapshot: FlowSnapshot
  readonly records: readonly FlowRecord[]
}

async function look(reader: FlowReader, policy: Enforcement, before: FlowSnapshot | undefined): Promise<Told> {
  const snapshot = await reader.read()
  const scene = { policy, endpoints: new Map(), revision: '1' }
  const deltas = deltasOf(before ?? snapshot, snapshot)
  return { snapshot, records: summarise({ deltas, scene, atMs: systemClock.now(), wayTo: () => undefined }).records }
}

function told(records: readonly FlowRecord[]): readonly string[] {
  const text = ({ back, destinationPort, direction, reason, sent, source, verdict }: FlowRecord): string => {
    const why =
      reason.kind === 'rule' ? reason.policy : reason.kind === 'isolated' ? `not ${reason.policies.join()}` : 'none'
    return `${verdict} ${direction} ${source} ${destinationPort} ${sent.packets}/${back.packets} ${why}`
  }
  return records.map(text).sort((a, b) => (a < b ? -1 : 1))
}

function defineFor(driver: PolicyDriver): void {
  const { name } = driver
  const made = makeHoldfastBpf(hostTarget())
  const program = typeof made === 'string' ? undefined : made.path
  const run = createRunner(memoryLog())
  const open = (): FlowReader =>
    createFlowReader({ run, clock: systemClock, interface: 'hf0', by: () => name, program })
  const reader = open()
  const policy = letting({ protocol: 'UDP', port: 53 })
  let last: FlowSnapshot | undefined

  test(`flows by ${name}: what passes and what is dropped is counted under who opened it, over both families`, async () => {
    await driver.load(policy)
    last = (await look(reader, policy, undefined)).snapshot
    const moved = reader.moved() ?? 0
    for (const to of [HERE, HERE6]) {
      await router.pass([
        first(into(53, to)),
        answer(into(53, to)),
        first(into(53, to)),
        first(into(99, to)),
        first(into(99, to)),
      ])
    }
    await router.pass([first({ from: HERE, to: PEER, protocol: 'UDP', port: 7 })])
    assert.ok((reader.moved() ?? 0) > moved, 'the interface says that something moved')
    const { records, snapshot } = await look(reader, policy, last)
    last = snapshot
    assert.equal(told(records), [
      `accept ingress ${PEER} 53 2/1 in`,
      `accept ingress ${PEER6} 53 2/1 in`,
      `drop egress ${HERE} 7 1/0 not out`,
      `drop ingress ${PEER} 99 2/0 not in`,
      `drop ingress ${PEER6} 99 2/0 not in`,
    ])
    assert.equal((await look(reader, policy, last)).records, [], 'nothing twice')
  })

  test(`flows by ${name}: a flow that another policy cuts goes on record as dropped from then on`, async () => {
    const shut = letting({ protocol: 'UDP', port: 1 })
    await driver.load(shut)
    last = (await look(reader, shut, last)).snapshot
    await router.pass([first(into(53)), first(into(53)), first(into(53))])
    const { records, snapshot } = await look(reader, shut, last)
    last = snapshot
    assert.equal(told(records), [`drop ingress ${PEER} 53 3/0 not in`])
    await driver.load(policy)
  })

  test(`flows by ${name}: a scan is counted port by port, and comes to one record`, async () => {
    last = (await look(reader, policy, last)).snapshot
    await router.pass(Array.from({ length: 60 }, (_, n) => first(into(2_000 + n))))
    const { records, snapshot } = await look(reader, policy, last)
    last = snapshot
    assert.equal(
      records.map(({ destinationPort, flows, sent }) => [destinationPort, flows, sent.packets]),
      [[undefined, 60, 60]],
    )
  })

  test(`flows by ${name}: another process goes on with the same count`, async () => {
    await router.pass([first(into(53)), first(into(53))])
    const next = await open().read()
    assert.is(next.epoch, last?.epoch)
    assert.is(next.fresh, false)
    assert.is(next.total.packets - (last?.total.packets ?? 0), 2)
  })

  test(`flows by ${name}: nothing is left`, async () => {
    await driver.remove()
    await removeFlows(run)
    assert.is((await run('nft', ['list', 'ruleset'])).trim(), '')
  })
}

testInOwnNamespace('flows', import.meta.url, () => {
  test.before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hf-flows-'))
    router = await openForwarded(directory)
  })
  test.after(() => {
    router.close()
    rmSync(directory, { recursive: true })
  })
  for (const driver of policyDrivers()) defineFor(driver)
})
