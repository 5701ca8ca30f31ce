// What no oracle speaks of, asked of the kernel's own programs of policy: answers, pieces of packets, headers that lie, errors,
// and words of agents.

import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import * as f from './frames.fake.ts'
import {
  type Body,
  cookieOf,
  db,
  inward,
  outward,
  self,
  self6,
  TCP,
  UDP,
  web,
  web6,
  worldAt,
} from './policy-ends.fake.ts'
import { meshPort, type Packet, type PolicyRig, withPolicy } from './policy-rig.fake.ts'

function defineTests(rig: PolicyRig): void {
  const table = rig.put(worldAt(80))
  const [isIn, isOut] = (['ingress', 'egress'] as const).map((way) => `accept ${cookieOf(table, way, 'rule')}`)
  const [noIn, noOut] = (['ingress', 'egress'] as const).map((way) => `drop ${cookieOf(table, way, 'isolated')}`)

  test('answers pass with the flow that was opened, and nothing else does', () => {
    const said = rig.ask([
      inward(web, self, TCP(1_000, 80)),
      outward(self, web, TCP(80, 1_000, f.SYN | f.ACK)),
      outward(self, web, TCP(80, 1_001, f.SYN | f.ACK)),
      outward(self, db, TCP(80, 1_000, f.SYN | f.ACK)),
      outward(self, web, TCP(1_002, 443)),
      inward(web, self, TCP(443, 1_002, f.ACK)),
      // Who is answered from 443 does not get to open a connection from there.
      inward(web, self, TCP(443, 1_002)),
      inward(web, self, TCP(443, 22)),
      inward(web6, self6, UDP(1_000, 80)),
      outward(self6, web6, UDP(80, 1_000)),
      outward(self6, web6, UDP(80, 1_001)),
    ])
    assert.equal(said, [isIn, isIn, noOut, noOut, isOut, isOut, noIn, noIn, isIn, isIn, noOut])
  })

  test('who answers to nothing is dropped, and both ends may ask by one identifier', () => {
    const echo = (type: number, id: number): Body => [f.ICMP, f.icmp(type, id)]
    const echo6 = (type: number, id: number): Body => [f.ICMP6, f.icmp(type, id)]
    const said = rig.ask([
      inward(web, self, echo(0, 7)),
      outward(self, web, echo(8, 7)),
      inward(web, self, echo(0, 7)),
      inward(web, self, echo(8, 7)),
      outward(self, web, echo(0, 7)),
      inward(web, self, echo(0, 7)),
      inward(db, self, echo(8, 8)),
      inward(web6, self6, echo6(129, 7)),
      outward(self6, web6, echo6(128, 7)),
      inward(web6, self6, echo6(129, 7)),
      // The other family's ICMP is a protocol that no rule names.
      inward(web6, self6, echo(8, 9)),
    ])
    const unasked = 'drop unasked'
    assert.equal(said, [unasked, isOut, isOut, isIn, isIn, isOut, noIn, unasked, isOut, isOut, noIn])
  })

  test('neighbours pass from anybody, words of agents between nodes', () => {
    const said = rig.ask([
      ...[135, 136].map((type) => inward(parseAddress('fd77::2'), self6, [f.ICMP6, f.icmp(type, 0)])),
      inward(db, self, [f.ICMP, f.icmp(5, 0)]),
      inward(db, self, UDP(1_000, meshPort)),
      outward(self, db, UDP(meshPort, 1_000)),
      outward(self, db, TCP(1_000, meshPort)),
      inward(parseAddress('192.0.2.1'), self, UDP(1_000, meshPort)),
    ])
    const [agent, control] = ['accept agent', 'accept control']
    assert.equal(said, [control, control, noIn, agent, agent, agent, noIn])
  })

  test('errors pass about what may pass, to whom it came from; made-up ones do not', () => {
    const [, sent] = outward(self, web, TCP(7_000, 443))
    const [, sent6] = outward(self6, web6, TCP(7_000, 443))
    const [, asked] = outward(self, web, [f.ICMP, f.icmp(8, 70)])
    const [, never] = outward(self, web, TCP(7_000, 22))
    const [, answered] = outward(self, web, TCP(80, 7_001, f.ACK))
    const [, came] = inward(web, self, TCP(7_001, 80))
    const four = (type: number, about: Buffer, bytes?: number): Packet =>
      inward(db, self, [f.ICMP, f.error(type, about, bytes)])
    const said = rig.ask([
      ...[3, 11, 12].map((type) => four(type, sent, 28)),
      ...[1, 2, 3, 4].map((type) => inward(parseAddress('fd77::2'), self6, [f.ICMP6, f.error(type, sent6)])),
      four(3, asked),
      // Of a flow that the other end opened, only where it did.
      four(3, answered),
      ['in', came],
      four(3, answered),
      outward(self, web, [f.ICMP, f.error(3, came)]),
      four(3, never),
      // It came from another.
      four(3, came),
      inward(web, db, [f.ICMP, f.error(3, sent)]),
      four(3, sent, 20),
      four(3, sent, 0),
    ])
    const passes = 'accept control'
    const fake = 'drop unasked'
    const wrong = [fake, fake, fake, 'drop truncated', 'drop truncated']
    assert.equal(said, [...Array<string>(8).fill(passes), fake, isIn, passes, passes, ...wrong])
  })

  test('fragments fare as the first of them did, and without it they are dropped', () => {
    const part = (from: typeof web, payload: Buffer, where: f.Part): Packet => [
      'in',
      f.frame4({ from, to: self, protocol: f.UDP, payload }, where),
    ]
    const rest = Buffer.alloc(8)
    const said = rig.ask([
      part(web, rest, { id: 1, offset: 16 }),
      part(web, f.udp(1_000, 80, 8), { id: 1, more: true }),
      part(web, rest, { id: 1, offset: 16 }),
      part(web, rest, { id: 2, offset: 16 }),
      part(db, rest, { id: 1, offset: 16 }),
      part(web, f.udp(1_000, 81, 8), { id: 3, more: true }),
      part(web, rest, { id: 3, offset: 16 }),
      // One that is refused ends what an earlier one of the same number began.
      part(web, f.udp(1_000, 81, 8), { id: 1, more: true }),
      part(web, rest, { id: 1, offset: 16 }),
      part(web, f.udp(1_000, 80).subarray(0, 6), { id: 4, more: true }),
    ])
    const lost = 'drop fragment'
    assert.equal(said, [lost, isIn, isIn, lost, lost, noIn, lost, noIn, lost, 'drop truncated'])
  })

  test('so it is in IPv6, behind other headers too; and none overlaps the header of TCP', () => {
    const part = (payload: Buffer, where: f.Part, next = f.UDP): Packet => [
      'in',
      f.frame6({ from: web6, to: self6, protocol: 44, payload: f.fragment6(next, payload, where) }),
    ]
    const behind = f.extension(44, f.fragment6(f.UDP, f.udp(1_000, 80, 8), { id: 9, more: true }))
    const tiny = f.frame4({ from: web, to: self, protocol: f.TCP, payload: Buffer.alloc(8) }, { id: 5, offset: 8 })
    const said = rig.ask([
      part(Buffer.alloc(8), { id: 1, offset: 16 }),
      part(f.udp(1_000, 80, 8), { id: 1, more: true }),
      part(Buffer.alloc(8), { id: 1, offset: 16 }),
      part(f.udp(1_000, 81, 8), { id: 2, more: true }),
      part(Buffer.alloc(8), { id: 2, offset: 16 }),
      ['in', f.frame6({ from: web6, to: self6, protocol: 60, payload: behind })],
      part(Buffer.alloc(8), { id: 9, offset: 16 }),
      // Neither more nor an offset: it is whole.
      part(f.udp(1_000, 80, 8), { id: 3 }),
      part(Buffer.alloc(8), { id: 3, offset: 16 }),
      part(f.fragment6(f.UDP, f.udp(1_000, 80), { id: 4 }), { id: 4 }, 44),
      part(f.tcp(1_000, 80), { id: 6, more: true }, f.TCP),
      part(Buffer.alloc(8), { id: 6, offset: 8 }, f.TCP),
      ['in', tiny],
    ])
    const lost = 'drop fragment'
    const firsts = [lost, isIn, isIn, noIn, lost, isIn, isIn, isIn, lost]
    assert.equal(said, [...firsts, isIn, isIn, lost, lost])
  })

  test('headers of IPv6 are walked, not past their bound, and not where they lead elsewhere', () => {
    const open = f.tcp(2_000, 80)
    const six = (protocol: number, payload: Buffer): Packet => [
      'in',
      f.frame6({ from: web6, to: self6, protocol, payload }),
    ]
    const many = (count: number): Buffer =>
      Array.from({ length: count - 1 }).reduce<Buffer>((rest) => f.extension(60, rest), f.extension(f.TCP, open))
    const said = rig.ask([
      six(0, f.extension(60, f.extension(43, f.extension(f.TCP, open), { more: 2 }))),
      six(51, f.extension(f.TCP, open, { more: 1, bytes: 12 })),
      six(60, many(7)),
      six(60, many(8)),
      six(43, f.extension(f.TCP, open, { segmentsLeft: 1 })),
      six(60, f.extension(f.TCP, f.tcp(2_001, 81))),
      // Longer than the packet.
      six(60, f.extension(f.TCP, open).fill(200, 1, 2)),
      six(60, Buffer.from([f.TCP, 0])),
      six(59, Buffer.alloc(0)),
      six(50, f.tcp(2_002, 80)),
    ])
    const cut = 'drop truncated'
    assert.equal(said, [isIn, isIn, isIn, 'drop headers', 'drop headers', noIn, cut, cut, noIn, noIn])
  })

  test('what is shorter than it says, or than it has to be, is dropped', () => {
    const open = { from: web, to: self, protocol: f.TCP, payload: f.tcp(3_000, 80) }
    const short = (protocol: number, payload: Buffer): Packet => inward(web, self, [protocol, payload])
    const whole = f.frame(open)
    const cuts: readonly Packet[] = [
      ['in', f.frame4(open, { length: 41 })],
      ['in', f.frame4(open, { length: 39 })],
      ['in', f.frame4(open, { length: 19 })],
      ['in', f.frame4(open, { version: 5 })],
      ['in', f.frame4(open, { options: Buffer.alloc(0) }).fill(0x44, 14, 15)],
      ['in', f.frame6({ ...open, from: web6, to: self6 }, 21)],
      short(f.TCP, open.payload.subarray(0, 19)),
      short(f.UDP, f.udp(3_000, 80).subarray(0, 7)),
      short(f.SCTP, f.sctp(3_000, 80).subarray(0, 11)),
      short(f.ICMP, f.icmp(8, 1).subarray(0, 7)),
    ]
    for (const [at, said] of rig.ask(cuts).entries()) assert.is(said, 'drop truncated', String(at))
    const fine: readonly Packet[] = [
      ['in', whole],
      // Padded by a device.
      ['in', Buffer.concat([whole, Buffer.alloc(6)])],
      ['in', f.frame4(open, { options: Buffer.from([7, 4, 4, 0]) })],
    ]
    assert.equal(rig.ask(fine), [isIn, isIn, isIn])
    const mapped = { ...open, from: parseAddress('::ffff:10.77.0.3'), to: self6 }
    assert.equal(
      rig.ask([
        ['in', f.arp],
        ['in', f.frame6(mapped)],
      ]),
      ['drop foreign', 'drop foreign'],
    )
    assert.equal(rig.ask([inward(web, db, TCP(1, 80)), outward(web, self, TCP(1, 443))]), [
      'drop nobody',
      'drop nobody',
    ])
  })

  test.run()
}

await withPolicy(fileURLToPath(import.meta.url), defineTests)
