// What every door of gossip does, the one in memory and the one on sockets: words and frames pass between those who may speak,
// and who may not is sent away.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Frame } from '../../shared/wire/frames.ts'
import { type TestDevice, testDevice } from '../link/hub.fake.ts'
import type { Caller, Channel, ChannelEvents, GossipDoor } from './doors.ts'

export interface DoorBench {
  /** A door of the device at these addresses. */
  door(device: TestDevice, at: { readonly mesh: Address; readonly lan: Address }): GossipDoor
  /** Lets what is under way arrive. */
  until(done: () => boolean): Promise<void>
  close(): Promise<void>
}

interface Heard {
  readonly words: { readonly bytes: Uint8Array; readonly from: Address }[]
  readonly callers: Caller[]
  readonly frames: Frame[]
  readonly closed: (string | undefined)[]
  readonly channels: Channel[]
}

const [ONE, TWO] = [testDevice('one', 1), testDevice('two', 2)]
const AT = {
  one: { mesh: '127.0.0.11' as Address, lan: '127.0.0.1' as Address },
  two: { mesh: '127.0.0.12' as Address, lan: '127.0.0.1' as Address },
}
const LARGE = { type: 'snapshot', deflated: new Uint8Array(3 << 20).fill(7) } as const

function listener(heard: Heard): ChannelEvents {
  return {
    onFrame: (frame) => void heard.frames.push(frame),
    onClosed: (why) => void heard.closed.push(why),
  }
}

function open(door: GossipDoor, address: Address, members: readonly TestDevice[], admits = true): Heard {
  const heard: Heard = { words: [], callers: [], frames: [], closed: [], channels: [] }
  door.open({
    addresses: () => [address],
    keyOf: (node) => members.find(({ nodeId }) => nodeId === node)?.deviceKey,
    isNextDoor: () => true,
    onDatagram: (bytes, from) => void heard.words.push({ bytes, from }),
    onChannel(caller, channel) {
      heard.callers.push(caller)
      heard.channels.push(channel)
      return admits ? listener(heard) : undefined
    },
  })
  return heard
}

const deaf: ChannelEvents = { onFrame: () => undefined, onClosed: () => undefined }

async function fails(run: Promise<unknown>): Promise<boolean> {
  const error = await run.catch((reason: unknown) => reason)
  return isHoldfastError(error, 'unreachable') || isHoldfastError(error, 'untrusted')
}

export function doorConformance(name: string, bench: () => Promise<DoorBench>): void {
  const onBench = (what: string, run: (doors: DoorBench) => Promise<void>): void =>
    test(`${name}: ${what}`, async () => {
      const doors = await bench()
      try {
        await run(doors)
      } finally {
        await doors.close()
      }
    })

  onBench(
    'words and frames pass, both ways, small and large, and the caller is known by its address',
    async (doors) => {
      const [one, two] = [doors.door(ONE, AT.one), doors.door(TWO, AT.two)]
      const [mine, theirs] = [open(one, AT.one.mesh, [ONE, TWO]), open(two, AT.two.mesh, [ONE, TWO])]
      await doors.until(() => {
        one.send(Uint8Array.of(1, 2, 3), AT.two.mesh)
        return theirs.words.length > 0
      })
      assert.equal(theirs.words[0], { bytes: Uint8Array.of(1, 2, 3), from: AT.one.mesh })
      const channel = await one.dial({ type: 'mesh', address: AT.two.mesh }, listener(mine))
      await channel.send(LARGE)
      await channel.send({ type: 'end' })
      await doors.until(() => theirs.frames.length === 2)
      assert.equal(theirs.callers, [{ type: 'mesh', address: AT.one.mesh }])
      assert.equal(
        theirs.frames.map(({ type }) => type),
        ['snapshot', 'end'],
      )
      await theirs.channels[0]?.send({ type: 'end' })
      await doors.until(() => mine.frames.length === 1)
      assert.ok(channel.bytes() > LARGE.deflated.length)
      channel.close()
      await doors.until(() => theirs.closed.length === 1)
      assert.equal(theirs.closed, [undefined])
      assert.ok(await fails(Promise.resolve().then(() => channel.send({ type: 'end' }))))
    },
  )

  onBench('on the LAN both prove who they are', async (doors) => {
    const [one, two] = [doors.door(ONE, AT.one), doors.door(TWO, AT.two)]
    // On one host both would listen at one port: the first has it.
    const theirs = open(two, AT.two.mesh, [ONE, TWO])
    open(one, AT.one.mesh, [ONE, TWO])
    const channel = await dialUntil(doors, () => one.dial({ type: 'lan', host: AT.two.lan, node: TWO.nodeId }, deaf))
    await channel.send({ type: 'end' })
    await doors.until(() => theirs.frames.length === 1)
    assert.equal(theirs.callers, [{ type: 'lan', node: ONE.nodeId }])
  })

  onBench('who is sent away, or finds nobody, is told', async (doors) => {
    const [one, two] = [doors.door(ONE, AT.one), doors.door(TWO, AT.two)]
    const mine = open(one, AT.one.mesh, [ONE, TWO])
    open(two, AT.two.mesh, [ONE, TWO], false)
    await dialUntil(doors, () => one.dial({ type: 'mesh', address: AT.two.mesh }, listener(mine)))
    await doors.until(() => mine.closed.length > 0)
    assert.ok(await fails(one.dial({ type: 'mesh', address: '127.0.0.99' as Address }, deaf)))
    assert.ok(await fails(one.dial({ type: 'lan', host: AT.one.lan, node: 'unknownunknown22' as NodeId }, deaf)))
  })
}

/** A listener may still be about to open. */
async function dialUntil(doors: DoorBench, dial: () => Promise<Channel>): Promise<Channel> {
  let channel: Channel | undefined
  let busy = false
  const attempt = async (): Promise<void> => {
    busy = true
    channel = await dial().catch(() => undefined)
    busy = false
  }
  await doors.until(() => {
    if (!busy && channel === undefined) void attempt()
    return channel !== undefined
  })
  if (channel === undefined) throw new TypeError('no channel')
  return channel
}
