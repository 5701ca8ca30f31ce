// Policy as the kernel's own programs decide it (bpf/policy.bpf.c) beside the oracle: the same verdict by the same rule, in the
// whole enumerated set and in random worlds.

import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type Direction, type Protocol, reasonKey } from '../../shared/policy/decision.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { others, ports, protocols, randomDraft, worldOfDraft } from '../../shared/policy/policies.fake.ts'
import { truthTable } from '../../shared/policy/truth-table.fake.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'
import { frame, ICMP, ICMP6, icmp, SCTP, sctp, TCP, tcp, UDP, udp } from './frames.fake.ts'
import { type Packet, type PolicyRig, withPolicy } from './policy-rig.fake.ts'

interface Opening {
  readonly subject: Endpoint
  readonly local: Address
  readonly direction: Direction
  readonly other: Address
  readonly protocol: Protocol
  readonly port: number
}

/** Of protocols without ports, one for what goes out and one for what comes in: else one would answer the other. */
const UNKNOWN = { egress: 200, ingress: 201 } as const
const DIRECTIONS = ['ingress', 'egress'] as const

function payloadOf({ direction, local, port, protocol }: Opening, source: number): readonly [number, Buffer] {
  const six = familyOf(local) === 6
  switch (protocol) {
    case 'TCP':
      return [TCP, tcp(source, port)]
    case 'UDP':
      return [UDP, udp(source, port)]
    case 'SCTP':
      return [SCTP, sctp(source, port)]
    case 'ICMP':
      return [six ? ICMP6 : ICMP, icmp(six ? 128 : 8, source)]
    case 'other':
      return [UNKNOWN[direction], Buffer.alloc(4)]
  }
}

/** The first packet of a flow that is like no other. */
function packetOf(opening: Opening, index: number): Packet {
  const { direction, local, other } = opening
  const [protocol, payload] = payloadOf(opening, 20_000 + (index % 40_000))
  const [from, to] = direction === 'egress' ? [local, other] : [other, local]
  return [direction === 'egress' ? 'out' : 'in', frame({ from, to, protocol, payload })]
}

type Count = Record<'accept' | 'drop', number>

/** Openings of which the kernel says something else than the oracle. */
function differences(rig: PolicyRig, world: World, openings: readonly Opening[], count: Count): readonly string[] {
  const { cookies } = rig.put(world)
  const said = rig.ask(openings.map(packetOf))
  return openings.flatMap((one, at) => {
    const { reason, verdict } = judge(one, world)
    count[verdict]++
    const wanted = `${verdict} ${cookies.get(reasonKey(reason))}`
    const { direction, local, other, port, protocol } = one
    return said[at] === wanted ? [] : [`${local} ${direction} ${other} ${protocol} ${port}: ${said[at]}, not ${wanted}`]
  })
}

function openingsOf(
  subjects: readonly Endpoint[],
  peers: readonly Address[],
  services: readonly (readonly [Protocol, number])[],
): readonly Opening[] {
  return subjects.flatMap((subject) =>
    subject.addresses.flatMap((local) =>
      peers
        .filter((other) => familyOf(other) === familyOf(local))
        .flatMap((other) =>
          DIRECTIONS.flatMap((direction) =>
            services.map(([protocol, port]) => ({ subject, local, direction, other, protocol, port })),
          ),
        ),
    ),
  )
}

function defineTests(rig: PolicyRig): void {
  test('no difference in the whole enumerated set', () => {
    const services = (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
      [80, 81].map((port) => [protocol, port] as const),
    )
    const count = { accept: 0, drop: 0 }
    for (const { name, world } of truthTable()) {
      const pods = world.endpoints.filter(({ kind }) => kind === 'pod')
      const peers = pods.flatMap(({ addresses }) => addresses)
      assert.equal(differences(rig, world, openingsOf(pods, peers, services), count), [], name)
    }
    assert.ok(count.accept > 30_000 && count.drop > 30_000, JSON.stringify(count))
  })

  test('nor in random worlds of both families, with blocks, ranges, names and every protocol', () => {
    const services = protocols.flatMap((protocol) =>
      (protocol === 'ICMP' || protocol === 'other' ? [0] : ports).map((port) => [protocol, port] as const),
    )
    const count = { accept: 0, drop: 0 }
    fc.assert(
      fc.property(randomDraft, (draft) => {
        const world = worldOfDraft(draft)
        const subjects = world.endpoints.filter(({ kind, node }) => kind !== 'service' && node === 'a')
        assert.equal(differences(rig, world, openingsOf(subjects, others, services), count), [])
      }),
      { numRuns: 40 },
    )
    assert.ok(count.accept > 1_000 && count.drop > 1_000, JSON.stringify(count))
  })

  test.run()
}

await withPolicy(fileURLToPath(import.meta.url), defineTests)
