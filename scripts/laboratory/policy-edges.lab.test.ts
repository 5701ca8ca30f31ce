// What a table alone does not show, asked of the kernel with real packets: answers, running flows under another policy, errors
// that belong to a flow, fragments, extension headers, packets cut short, and policies replaced under traffic.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PolicyDriver } from '../../edge/drivers/policy-driver.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import { contentOf, firstPacket, packetOf } from './first-packet.ts'
import { type Forwarded, type Frame, openForwarded } from './forwarded.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { policyDrivers } from './policy-drivers.fake.ts'

/** In a subnet that node `a` stands for, and a node of the mesh. */
const HERE = '10.42.0.9' as Address
const HERE6 = 'fd42::9' as Address
const PEER = '10.77.0.2' as Address
const PEER6 = 'fd77::2' as Address

function policyWith(policies: Readonly<Record<string, object>>): Enforcement {
  const forwards = ['10.42.0.0/16', 'fd42::/64'].map((block) => ({ destination: block as Cidr, nat: 'none' as const }))
  const { table } = compileTable(fakeWorld({ policies }), 'a')
  return { interface: 'hf0', meshPort: 51_822, self: '10.77.0.1' as Address, phases: [{ table }], forwards }
}

const node = { nodeSelector: {} }

/** These come in, and nothing goes out. */
function ports(...open: readonly object[]): Enforcement {
  return policyWith({ in: { subject: node, ingress: [{ ports: open }] }, out: { subject: node, egress: [] } })
}
const SHUT = ports({ port: 1 })

type Flow = Parameters<typeof contentOf>[0]

function first(flow: Flow): Frame {
  return { side: flow.from.startsWith('10.42') || flow.from.startsWith('fd42') ? 'lan' : 'mesh', bytes: frameOf(flow) }
}

const frameOf =
  (flow: Flow): Frame['bytes'] =>
  (place) =>
    firstPacket({ ...flow, place })

function into(protocol: Flow['protocol'], port: number, to = HERE): Flow {
  return { from: to === HERE ? PEER : PEER6, to, protocol, port }
}

/** The same words the other way, with the ports changed over. */
function answer({ from, to, ...rest }: Flow): Frame {
  const { content, number } = contentOf({ from: to, to: from, ...rest })
  const turned = Buffer.concat([content.subarray(2, 4), content.subarray(0, 2), content.subarray(4)])
  return { side: 'lan', bytes: (place) => packetOf({ from: to, to: from, number, content: turned, place }) }
}

/** Of either family: unreachable, too big, time exceeded, a bad header. */
const ERRORS = { 4: [3, 11, 12], 6: [1, 2, 3, 4] } as const

/** An error of ICMP (RFC 792, RFC 4443) from whom the flow leads to: it quotes what it is about. */
function errorAbout(flow: Flow, type: number): Frame {
  const isFour = flow.from.includes('.')
  const quoted = firstPacket({ ...flow, place: 7 }).subarray(0, isFour ? 28 : 48)
  const content = Buffer.concat([Buffer.from([type, type === 3 && isFour ? 4 : 0, 0, 0, 0, 0, 5, 0]), quoted])
  const bytes: Frame['bytes'] = (place) =>
    packetOf({ from: flow.to, to: flow.from, number: isFour ? 1 : 58, content, place })
  return { side: flow.to === HERE || flow.to === HERE6 ? 'lan' : 'mesh', bytes }
}

function errorsAbout(flow: Flow): readonly Frame[] {
  return ERRORS[flow.from.includes('.') ? 4 : 6].map((type) => errorAbout(flow, type))
}

let directory = ''
let router: Forwarded

async function passes(...frames: readonly Frame[]): Promise<readonly boolean[]> {
  return await router.pass(frames)
}

function defineFor({ name, ...driver }: PolicyDriver): void {
  test(`${name}: answers pass with their flow, and nobody else’s do`, async () => {
    await driver.load(ports({ protocol: 'UDP', port: 53 }))
    const [asked, other] = [into('UDP', 53), into('UDP', 5_353)]
    assert.equal(await passes(answer(asked), first(asked), answer(asked), answer(other)), [false, true, true, false])
  })

  test(`${name}: another policy holds for running flows at the next packet, and for no longer than it stands`, async () => {
    const flow = into('UDP', 54)
    await driver.load(ports({ protocol: 'UDP', port: 54 }))
    assert.equal(await passes(first(flow), answer(flow), first(flow)), [true, true, true])
    await driver.load(SHUT)
    assert.equal(await passes(first(flow)), [false])
    await driver.load(ports({ protocol: 'UDP', port: 54 }))
    assert.equal(await passes(first(flow)), [true])
  })

  test(`${name}: errors that belong to a flow pass, of every kind; made-up ones do not, in either direction`, async () => {
    await driver.load(ports({ port: 80 }))
    for (const [here, peer] of [
      [HERE, PEER],
      [HERE6, PEER6],
    ] as const) {
      const [known, unknown] = [into('TCP', 80, here), into('TCP', 8_080, here)]
      const errors = errorsAbout(known)
      assert.equal(await passes(first(known), ...errors), [true, ...errors.map(() => true)], here)
      // About what was never sent, and to somebody who did not send it.
      const outward = errorsAbout(unknown)
      const inward = errorsAbout({ from: here, to: peer, protocol: 'TCP', port: 443 })
      assert.equal(
        await passes(...outward, ...inward),
        [...outward, ...inward].map(() => false),
        here,
      )
    }
  })

  test(`${name}: where the host tracks no flows, made-up errors pass no more than elsewhere`, async () => {
    await driver.load(ports({ port: 80 }))
    const notrack = 'table inet untracked { chain in { type filter hook prerouting priority raw; notrack; }; }'
    execFileSync('nft', ['-f', '-'], { input: notrack })
    try {
      for (const here of [HERE, HERE6]) {
        const frames = errorsAbout(into('TCP', 8_080, here))
        assert.equal(await passes(first(into('TCP', 80, here)), ...frames), [true, ...frames.map(() => false)], here)
      }
    } finally {
      execFileSync('nft', ['delete', 'table', 'inet', 'untracked'])
    }
  })

  test(`${name}: extension headers hide no port, and open none`, async () => {
    await driver.load(ports({ port: 80 }))
    const behind = (port: number): Frame => {
      const flow = into('TCP', port, HERE6)
      const { content, number } = contentOf(flow)
      // Destination options: next header, no further length, six bytes of padding.
      const options = Buffer.from([number, 0, 1, 4, 0, 0, 0, 0])
      const all = { ...flow, number: 60, content: Buffer.concat([options, content]) }
      return { side: 'mesh', bytes: (place) => packetOf({ ...all, place }) }
    }
    assert.equal(await passes(behind(80), behind(81)), [true, false])
  })

  test(`${name}: fragments fare as the packet that they are of`, async () => {
    await driver.load(ports({ protocol: 'UDP', port: 55 }))
    const pieces = (port: number, at: number): readonly Frame[] => {
      const flow = into('UDP', port)
      const { content, number } = contentOf(flow)
      const whole = Buffer.concat([content, Buffer.alloc(12)])
      whole.writeUInt16BE(whole.length, 4)
      const piece = (part: Buffer, fragment: number): Frame => {
        return { side: 'mesh', bytes: () => packetOf({ ...flow, number, content: part, fragment, place: at }) }
      }
      return [piece(whole.subarray(0, 16), 0x2000), piece(whole.subarray(16), 2)]
    }
    // Both have the place of the first.
    const [open, , shut] = await passes(...pieces(55, 0), ...pieces(56, 2))
    assert.equal([open, shut], [true, false])
  })

  test(`${name}: a packet cut short does not slip past what denies a port`, async () => {
    const deny = { tier: 'Admin', action: 'Deny', subject: node, ingress: [{ ports: [{ port: 22 }] }] }
    await driver.load(policyWith({ deny, open: { subject: node, ingress: [{}] } }))
    const cut = (bytes: number): Frame => {
      const flow = into('TCP', 22)
      const { content, number } = contentOf(flow)
      return {
        side: 'mesh',
        bytes: (place) => packetOf({ ...flow, number, content: content.subarray(0, bytes), place }),
      }
    }
    assert.equal(await passes(first(into('TCP', 23)), ...[20, 13, 4, 3, 1, 0].map(cut)), [
      true,
      ...Array(6).fill(false),
    ])
  })

  test(`${name}: replaced under traffic, nothing slips through and nothing is lost`, async () => {
    const two = [ports({ port: 80 }, { port: 81 }), ports({ port: 80 }, { port: 82 })] as const
    await driver.load(two[0])
    const progress = { swaps: 0 }
    const swapping = (async (): Promise<void> => {
      for (; progress.swaps < 20; progress.swaps++) await driver.load(two[progress.swaps % 2 === 0 ? 1 : 0])
    })()
    let sent = 0
    const seen = { open: 0, either: 0, shut: 0 }
    while (progress.swaps < 20) {
      const frames = Array.from({ length: 200 }, () => [80, 81, 83].map((port) => first(into('TCP', port)))).flat()
      const passed = await router.pass(frames)
      for (const [at, kind] of (['open', 'either', 'shut'] as const).entries()) {
        seen[kind] += passed.filter((one, place) => one && place % 3 === at).length
      }
      sent += 200
    }
    await swapping
    assert.is(seen.open, sent)
    assert.is(seen.shut, 0)
    assert.ok(seen.either > 0 && seen.either < sent, `${seen.either} of ${sent}: both policies were met`)
  })

  test(`${name}: leaves nothing`, async () => {
    await driver.remove()
    assert.is(execFileSync('nft', ['list', 'ruleset']).toString(), '')
  })
}

testInOwnNamespace('policy at its edges', import.meta.url, () => {
  test.before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hf-edges-'))
    router = await openForwarded(directory)
  })
  test.after(() => {
    router.close()
    rmSync(directory, { recursive: true })
  })
  for (const driver of policyDrivers()) defineFor(driver)
})
