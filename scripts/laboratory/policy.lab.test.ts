// Real packets through the kernel, and what is said of each by the compiled table, which equals the oracle: the whole enumerated
// set of policies, and random ones.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PolicyDriver } from '../../edge/drivers/policy-driver.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import { type Address, type Cidr, familyOf } from '../../shared/address/cidr.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import type { Direction, Protocol } from '../../shared/policy/decision.ts'
import { others, ports, protocols, randomDraft, worldOfDraft } from '../../shared/policy/policies.fake.ts'
import { lookUp } from '../../shared/policy/table.ts'
import { truthTable } from '../../shared/policy/truth-table.fake.ts'
import type { World } from '../../shared/policy/world.ts'
import { firstPacket } from './first-packet.ts'
import { type Forwarded, type Frame, openForwarded } from './forwarded.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { policyDrivers } from './policy-drivers.fake.ts'

/** Nobody's, behind the node: it judges for them as for itself. */
const NOBODY = ['10.42.99.99', 'fd42::99'] as Address[]
const NODE = '10.77.0.1' as Address

function enforcementOf(world: World): Enforcement {
  const forwards = ['10.42.0.0/16', 'fd42::/64'].map((block) => ({ destination: block as Cidr, nat: 'none' as const }))
  const { table } = compileTable(world, 'a')
  return { interface: 'hf0', meshPort: 51_822, self: NODE, phases: [{ table }], forwards }
}

interface Question {
  readonly local: Address
  readonly direction: Direction
  readonly other: Address
  readonly protocol: Protocol
  readonly port: number
}

function frameFor({ direction, local, other, port, protocol }: Question): Frame {
  const [side, from, to] =
    direction === 'ingress' ? (['mesh', other, local] as const) : (['lan', local, other] as const)
  return { side, bytes: (place) => firstPacket({ from, to, protocol, port, place }) }
}

const withPorts = (some: readonly number[], all: readonly Protocol[]): readonly (readonly [Protocol, number])[] =>
  all.flatMap((protocol): (readonly [Protocol, number])[] =>
    protocol === 'ICMP' || protocol === 'other' ? [[protocol, 0]] : some.map((port) => [protocol, port]),
  )

function questions(
  locals: readonly Address[],
  peers: readonly Address[],
  asked: readonly (readonly [Protocol, number])[],
): readonly Question[] {
  return locals.flatMap((local) =>
    peers
      .filter((other) => familyOf(other) === familyOf(local))
      .flatMap((other) =>
        (['ingress', 'egress'] as const).flatMap((direction) =>
          asked
            // Of an address to itself, and without ports, the one way can't be told from the other.
            .filter(([protocol]) => protocol !== 'other' || local !== other)
            .map(([protocol, port]) => ({ local, direction, other, protocol, port })),
        ),
      ),
  )
}

/** What the kernel does otherwise than the table says; counts what was asked. */
async function differences(
  policy: Enforcement,
  asked: readonly Question[],
  router: Forwarded,
  count: Record<'accept' | 'drop', number>,
): Promise<readonly string[]> {
  const table = policy.phases[0]?.table
  assert.ok(table)
  const passed = await router.pass(asked.map(frameFor))
  return asked.flatMap((question, at) => {
    const local = NOBODY.includes(question.local) ? NODE : question.local
    const said = lookUp(table, { ...question, local })?.verdict
    assert.ok(said)
    count[said]++
    return (said === 'accept') === passed[at] ? [] : [`${said}: ${JSON.stringify(question)}`]
  })
}

let directory = ''
let router: Forwarded

function defineFor({ name, ...driver }: PolicyDriver): void {
  test(`${name}: no difference in the whole enumerated set`, async () => {
    const count = { accept: 0, drop: 0 }
    const asked = withPorts([80, 81], ['TCP', 'UDP', 'SCTP'])
    for (const { name: policies, world } of truthTable()) {
      const policy = enforcementOf(world)
      await driver.load(policy)
      const pods = world.endpoints.filter(({ kind }) => kind === 'pod').flatMap(({ addresses }) => addresses)
      assert.equal(await differences(policy, questions(pods, pods, asked), router, count), [], policies)
    }
    assert.ok(count.accept > 30_000 && count.drop > 30_000, JSON.stringify(count))
  })

  test(`${name}: no difference for random policies, in both families and in every protocol`, async () => {
    const count = { accept: 0, drop: 0 }
    await fc.assert(
      fc.asyncProperty(randomDraft, async (draft) => {
        const world = worldOfDraft(draft)
        const policy = enforcementOf(world)
        await driver.load(policy)
        const pods = world.endpoints.filter(({ kind }) => kind === 'pod').flatMap(({ addresses }) => addresses)
        const asked = questions([...pods, ...NOBODY], others, withPorts(ports, protocols))
        assert.equal(await differences(policy, asked, router, count), [])
      }),
      { numRuns: 40 },
    )
    assert.ok(count.accept > 1_000 && count.drop > 1_000, JSON.stringify(count))
  })
}

function defineInside(): void {
  test.before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hf-policy-'))
    router = await openForwarded(directory)
  })
  test.after(() => {
    router.close()
    rmSync(directory, { recursive: true })
  })
  for (const driver of policyDrivers()) {
    defineFor(driver)
    test(`${driver.name}: leaves nothing`, async () => {
      await driver.remove()
      assert.is(execFileSync('nft', ['list', 'ruleset']).toString(), '')
    })
  }
}

testInOwnNamespace('the kernel decides as the table says', import.meta.url, defineInside)
